"""The grants of the token endpoint, as authlib's classes over rows that were read before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import AuthorizationCodeGrant, RefreshTokenGrant

from idp.oidc.clients import AUTH_METHODS
from idp.oidc.credentials import CODE_LIFETIME, GRACE, CodeCredential, RefreshCredential
from idp.storage.secrets import fingerprint, new_id, new_secret
from idp.storage.tables import AuthorizationCode, Grant, User, now

if TYPE_CHECKING:
    from authlib.oauth2 import OAuth2Request
    from authlib.oauth2.rfc6749 import ClientMixin

    from idp.accounts.sessions import SignedIn
    from idp.oidc.engine import Engine


class CodeGrant(AuthorizationCodeGrant):
    """The authorization code grant (RFC 6749 §4.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    server: Engine

    def validate_authorization_request(self) -> str:
        """Validate once, though authlib asks again when the person has agreed."""
        return self.redirect_uri or super().validate_authorization_request()

    def generate_authorization_code(self) -> str:
        return new_secret()

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        signed_in = cast("SignedIn", request.user)
        asked = self.server.request.form
        grant = Grant(
            id=new_id(),
            client_id=asked["client_id"],
            user_id=signed_in.user.id,
            session_id=signed_in.session.id,
            scope=request.scope,
            nonce=asked.get("nonce"),
            auth_time=signed_in.auth_time,
            amr=signed_in.session.amr,
        )
        authorization_code = AuthorizationCode(
            fingerprint=fingerprint(code),
            grant_id=grant.id,
            redirect_uri=asked["redirect_uri"],
            code_challenge=asked.get("code_challenge"),
            code_challenge_method=asked.get("code_challenge_method"),
            expires_at=now() + CODE_LIFETIME,
        )
        self.server.changes.new_rows += [grant, authorization_code]

    def query_authorization_code(self, code: str, client: ClientMixin) -> CodeCredential | None:
        credential = self.server.presented(CodeCredential, client)
        if credential is None:
            return None
        if credential.row.used_at is not None:
            # RFC 6749 §4.1.2: a second use revokes what the first one issued.
            self.server.changes.revoked_grant_id = credential.grant.id
            return None
        return credential if credential.is_live else None

    def authenticate_user(self, authorization_code: CodeCredential) -> User:
        return authorization_code.user

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, str | int]:
        # OIDC Core §11: a refresh token is for clients that were granted offline access.
        kwargs["include_refresh_token"] &= "offline_access" in kwargs["scope"].split()
        return super().generate_token(*args, **kwargs)

    def delete_authorization_code(self, authorization_code: CodeCredential) -> None:
        self.server.changes.used = authorization_code


class RefreshGrant(RefreshTokenGrant):
    """The refresh token grant (RFC 6749 §6) with rotation (RFC 9700 §4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Engine

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        credential = self.server.presented(RefreshCredential, self.client)
        if credential is None:
            return None
        used_at = credential.row.used_at
        if used_at is not None and used_at + GRACE < now():
            # RFC 9700 §4.14.2: two parties hold this token, and nobody knows which stole it.
            self.server.changes.revoked_grant_id = credential.grant.id
            return None
        return credential if credential.is_live else None

    def authenticate_user(self, refresh_token: RefreshCredential) -> User:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: RefreshCredential) -> None:  # type: ignore[override]
        self.server.changes.used = refresh_token
