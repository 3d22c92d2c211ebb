"""What authlib decided, written in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, SQLModel, col, delete, update

from idp.oidc.device_code import DeviceCredential
from idp.oidc.redeemable import Redeemable
from idp.storage.statements import Rows, Statement
from idp.storage.tables import (
    AccessToken,
    AuthorizationCode,
    DeviceAuthorization,
    Grant,
    RefreshToken,
    now,
)

GRANTS = Rows(Grant)
CODES = Rows(AuthorizationCode)
ACCESS_TOKENS = Rows(AccessToken)
REFRESH_TOKENS = Rows(RefreshToken)
# What others refer to comes first.
_TABLES: dict[type, Rows[Any]] = {
    Grant: GRANTS,
    AuthorizationCode: CODES,
    AccessToken: ACCESS_TOKENS,
    RefreshToken: REFRESH_TOKENS,
}
_USE: dict[type, Statement[Any]] = {
    table: Statement[Any](
        update(table)
        .where(
            col(table.fingerprint) == bindparam("fingerprint"),
            col(table.used_at).is_(None),
        )
        .values(used_at=bindparam("moment"))
    )
    for table in (AuthorizationCode, RefreshToken)
}
_USE[DeviceAuthorization] = Statement[Any](
    delete(DeviceAuthorization).where(
        col(DeviceAuthorization.fingerprint) == bindparam("fingerprint")
    )
)
_REVOKE = Statement[Any](
    update(Grant)
    .where(col(Grant.id) == bindparam("grant_id"), col(Grant.revoked_at).is_(None))
    .values(revoked_at=bindparam("moment"))
)


@dataclass
class Changes:
    """What one request changes, recorded while authlib decides."""

    new_rows: list[SQLModel] = field(default_factory=list)
    used: Redeemable | None = None
    """The code or refresh token that was redeemed."""
    revoked_grant_id: str | None = None

    def __bool__(self) -> bool:
        return bool(self.new_rows or self.revoked_grant_id)


def write_changes(session: Session, changes: Changes) -> bool:
    """Write what was decided; False if another request redeemed the same device code first."""
    if changes.revoked_grant_id:
        revoke_grant(session, changes.revoked_grant_id)
    if changes.used and not _use(session, changes.used):
        revoke_grant(session, changes.used.grant.id)
        return False
    write_new_rows(session, [changes.new_rows])
    return True


def write_new_rows(session: Session, made: Sequence[Sequence[SQLModel]]) -> Sequence[None]:
    """Write what requests of one moment made, where nothing else is to be decided."""
    rows = [row for of_request in made for row in of_request]
    for table, statements in _TABLES.items():
        if of_table := [row for row in rows if type(row) is table]:
            statements.add_all(session, of_table)
    return [None] * len(made)


def _use(session: Session, credential: Redeemable) -> bool:
    """Mark a credential as used; False for a device code that another request used just now.

    The row of an authorization code has been locked since it was read, and a refresh token that
    another request used just now is still within its grace.
    """
    use, fingerprint = _USE[type(credential.row)], credential.row.fingerprint
    if isinstance(credential, DeviceCredential):
        return use.run(session, fingerprint=fingerprint) == 1
    use.send(session, fingerprint=fingerprint, moment=now())
    return True


def revoke_grant(session: Session, grant_id: str) -> None:
    """End a grant and with it every code and token that came from it."""
    _REVOKE.run(session, grant_id=grant_id, moment=now())
