"""What authlib decided, written in one transaction."""

from dataclasses import dataclass, field

from sqlmodel import Session, SQLModel, col, update

from idp.oidc.credentials import CodeCredential, Redeemable
from idp.storage.tables import Grant, now


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
    """Write what was decided; False if another request redeemed the same code first."""
    if changes.revoked_grant_id:
        _revoke_grant(session, changes.revoked_grant_id)
    # A refresh token that another request used just now is still within its grace.
    if changes.used and not _use(session, changes.used) and _is_code(changes.used):
        _revoke_grant(session, changes.used.grant.id)
        return False
    for row in changes.new_rows:
        session.add(row)
        session.flush()
    return True


def _is_code(credential: Redeemable) -> bool:
    return isinstance(credential, CodeCredential)


def _use(session: Session, credential: Redeemable) -> bool:
    """Mark a credential as used; this one statement decides a race."""
    kind = type(credential.row)
    unused = (col(kind.fingerprint) == credential.row.fingerprint, col(kind.used_at).is_(None))
    return session.exec(update(kind).where(*unused).values(used_at=now())).rowcount == 1


def _revoke_grant(session: Session, grant_id: str) -> None:
    valid = (col(Grant.id) == grant_id, col(Grant.revoked_at).is_(None))
    session.exec(update(Grant).where(*valid).values(revoked_at=now()))
