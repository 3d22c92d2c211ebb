"""authlib as the protocol engine: it sees rows already read and records what is to be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter

from idp.accounts.sessions import SignedIn
from idp.oidc.changes import Changes
from idp.oidc.clients import RegisteredClient
from idp.oidc.credentials import (
    ACCESS_TOKEN_LIFETIME,
    REFRESH_TOKEN_LIFETIME,
    CodeCredential,
    Redeemable,
    RefreshCredential,
)
from idp.oidc.grants import CodeGrant, RefreshGrant
from idp.oidc.id_token import IdToken
from idp.oidc.parameters import Parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.tables import AccessToken, RefreshToken, now

RedeemableT = TypeVar("RedeemableT", CodeCredential, RefreshCredential)


@dataclass
class Answer:
    """What authlib composed, not yet a response."""

    status_code: int
    body: Any
    headers: list[tuple[str, str]]
    location: str
    """Where to redirect; empty for an answer that is none."""


class ProtocolRequest(OAuth2Request):
    """A request as authlib sees it."""

    def __init__(
        self,
        issuer: str,
        method: str,
        parameters: Parameters,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # authlib refuses plain http by this address. The settings have seen to it that the issuer
        # is https or a loopback address; behind a proxy the request itself could not tell.
        super().__init__(method, issuer, headers=headers)
        self.payload = parameters

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data if self.payload else {}


class Engine(AuthorizationServer):
    """The rules for one request over the rows it may see; `changes` is what came of it."""

    def __init__(
        self,
        provider: Provider,
        request: ProtocolRequest,
        client: RegisteredClient | None,
        credential: Redeemable | None = None,
    ) -> None:
        super().__init__()
        self.request = request
        self.client = client
        self.credential = credential
        self.changes = Changes()
        id_token = IdToken(provider.settings.issuer, provider.keys)
        self.register_grant(CodeGrant, [CodeChallenge(), id_token])
        self.register_grant(RefreshGrant, [id_token])
        self.register_token_generator("default", _BEARER_TOKENS)
        self.register_extension(Issuer(provider.settings.issuer))

    def query_client(self, client_id: str) -> RegisteredClient | None:  # type: ignore[override]
        return self.client if self.client and self.client.row.id == client_id else None

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return Answer(status, body, headers, dict(headers).get("Location", ""))

    def send_signal(self, name: object, *args: object, **kwargs: object) -> None:
        """Do nothing: nobody listens to authlib's signals here."""

    def validate_authorization_request(self, signed_in: SignedIn | None) -> CodeGrant:
        """Check what authlib knows about a request; raises OAuth2Error."""
        self.request.user = signed_in
        grant = cast("CodeGrant", self.get_authorization_grant(self.request))
        grant.validate_consent_request()
        return grant

    def authorize(self, grant: CodeGrant) -> Answer:
        """Issue an authorization code to the client of a validated request."""
        user = self.request.user
        return cast("Answer", self.create_authorization_response(self.request, user, grant))

    def refuse(self, error: OAuth2Error) -> Answer:
        """Tell the client about an error; the redirect_uri must be proven."""
        error.redirect_uri = self.request.form["redirect_uri"]
        error.state = self.request.form.get("state")
        answer = cast("Answer", self.handle_error_response(self.request, error))
        self.execute_hook("after_create_authorization_response", answer)
        return answer

    def redeem(self) -> Answer:
        """Answer a request to the token endpoint."""
        return cast("Answer", self.create_token_response(self.request))

    def presented(self, kind: type[RedeemableT], client: ClientMixin) -> RedeemableT | None:
        """Return the credential of this request, if it is of this kind and of this client."""
        if isinstance(self.credential, kind) and self.credential.check_client(client):
            return self.credential
        return None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        credential = cast("Redeemable", request.authorization_code or request.refresh_token)
        access_token = AccessToken(
            fingerprint=fingerprint(token["access_token"]),
            grant_id=credential.grant.id,
            scope=token["scope"],
            expires_at=now() + ACCESS_TOKEN_LIFETIME,
        )
        self.changes.new_rows.append(access_token)
        if "refresh_token" in token:
            refresh_token = RefreshToken(
                fingerprint=fingerprint(token["refresh_token"]),
                grant_id=credential.grant.id,
                expires_at=now() + REFRESH_TOKEN_LIFETIME,
            )
            self.changes.new_rows.append(refresh_token)


class Issuer(IssuerParameter):
    """Names the issuer in every authorization response (RFC 9207 §2)."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


def _new_token(**_: object) -> str:
    return new_secret()


def _expires_in(_client: object, _grant_type: str) -> int:
    return int(ACCESS_TOKEN_LIFETIME.total_seconds())


_BEARER_TOKENS = BearerTokenGenerator(_new_token, _new_token, _expires_in)
