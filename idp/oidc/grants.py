"""The grants of the token endpoint, as authlib's classes over rows that were read before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    InvalidScopeError,
    RefreshTokenGrant,
)

from idp.oidc.changes import CODES, GRANTS
from idp.oidc.claims import SCOPES
from idp.oidc.credentials import CODE_LIFETIME, GRACE, CodeCredential, RefreshCredential
from idp.storage.secrets import fingerprint, new_id, new_secret
from idp.storage.tables import User, now

if TYPE_CHECKING:
    from authlib.oauth2 import OAuth2Request
    from authlib.oauth2.rfc6749 import ClientMixin

    from idp.accounts.sessions import SignedIn
    from idp.oidc.authorization_request import AuthorizationRequest
    from idp.oidc.engine import Engine


class CodeGrant(AuthorizationCodeGrant):
    """The authorization code grant (RFC 6749 §4.1)."""

    server: Engine

    def validate_authorization_request(self) -> str:
        """Validate once, though authlib asks again when the person has agreed."""
        return self.redirect_uri or super().validate_authorization_request()

    def generate_authorization_code(self) -> str:
        return new_secret()

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = cast("AuthorizationRequest", self.server.asked)
        signed_in = cast("SignedIn", asked.signed_in)
        sent = asked.parameters
        grant = GRANTS.make(
            id=new_id(),
            client_id=asked.client.row.id,
            user_id=signed_in.user.id,
            session_id=signed_in.session.id,
            scope=request.scope,
            resource=sent.get("resource") or "",
            nonce=sent.get("nonce"),
            auth_time=signed_in.auth_time,
            amr=signed_in.session.amr,
            acr=asked.acr,
            claims=asked.claim_names,
        )
        authorization_code = CODES.make(
            fingerprint=fingerprint(code),
            grant_id=grant.id,
            redirect_uri=sent.data["redirect_uri"],
            code_challenge=sent.get("code_challenge"),
            code_challenge_method=sent.get("code_challenge_method"),
            dpop_jkt=sent.get("dpop_jkt"),
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


class ClientCredentials(ClientCredentialsGrant):
    """The client credentials grant (RFC 6749 §4.4): a client acts for itself, without a person."""

    server: Engine

    def validate_requested_scope(self) -> None:
        """RFC 6749 §3.3: refuse what the client may not have, and what tells of a person."""
        asked = self.server.request.form.get("scope", "").split()
        if self.client.get_allowed_scope(asked).split() != asked or {*asked} & {*SCOPES}:
            raise InvalidScopeError("The client may not have this scope for itself.")
