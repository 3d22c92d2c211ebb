"""Authorization codes, access tokens and refresh tokens: kept and found by fingerprint only."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar, cast

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from idp.storage.secrets import fingerprint
from idp.storage.statements import Statement
from idp.storage.tables import AccessToken, AuthorizationCode, Grant, RefreshToken, User, now

CODE_LIFETIME = timedelta(seconds=60)
ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
REFRESH_TOKEN_LIFETIME = timedelta(days=14)
GRACE = timedelta(seconds=10)
"""How long a used refresh token still works, for a client that never got the answer."""

RowT = TypeVar("RowT", AuthorizationCode, AccessToken, RefreshToken)


@dataclass(frozen=True)
class Credential(Generic[RowT]):
    """A code or token, with the grant it came from and the person who gave it."""

    row: RowT
    grant: Grant
    user: User

    @property
    def is_live(self) -> bool:
        if self.grant.revoked_at is not None or self.user.suspended_at is not None:
            return False
        return self.row.expires_at > now()

    def check_client(self, client: ClientMixin) -> bool:
        return self.grant.client_id == client.get_client_id()

    def get_scope(self) -> str:
        return self.grant.scope


class CodeCredential(Credential[AuthorizationCode]):
    """An authorization code as authlib sees it."""

    @property
    def code_challenge(self) -> str | None:
        return self.row.code_challenge

    @property
    def code_challenge_method(self) -> str | None:
        return self.row.code_challenge_method

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri


class RefreshCredential(Credential[RefreshToken]):
    """A refresh token as authlib sees it."""


def _finding(kind: type[RowT]) -> Any:
    return (
        select(kind, Grant, User)
        .join(Grant, col(Grant.id) == col(kind.grant_id))
        .join(User, col(User.id) == col(Grant.user_id))
        .where(col(kind.fingerprint) == bindparam("fingerprint"))
    )


_FIND: dict[type, Statement[Any]] = {
    # Of two requests with one code, the second waits here and then reads that it is used. With
    # SQLite, which has no such lock, the second begins anew when it comes to write.
    AuthorizationCode: Statement(_finding(AuthorizationCode).with_for_update(of=AuthorizationCode)),
    AccessToken: Statement(_finding(AccessToken)),
    RefreshToken: Statement(_finding(RefreshToken)),
}


def find_credential(
    session: Session, kind: type[RowT], secret: str
) -> tuple[RowT, Grant, User] | None:
    """Return the row of a code or token, its grant and its person."""
    found = _FIND[kind].first(session, fingerprint=fingerprint(secret))
    return cast("tuple[RowT, Grant, User] | None", found)
