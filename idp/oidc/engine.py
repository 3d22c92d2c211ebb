"""authlib as the protocol engine: it sees rows already read and records what is to be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError
from authlib.oauth2.rfc7636 import CodeChallenge

from idp.oidc.access_token import scope_at, signed_access_token
from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.changes import ACCESS_TOKENS, REFRESH_TOKENS, Changes
from idp.oidc.client_metadata import DEVICE_CODE, TOKEN_EXCHANGE
from idp.oidc.clients import RegisteredClient
from idp.oidc.credentials import (
    REFRESH_TOKEN_LIFETIME,
    CodeCredential,
    RefreshCredential,
)
from idp.oidc.device_code import DeviceCodeGrant
from idp.oidc.grants import ClientCredentials, CodeGrant, RefreshGrant
from idp.oidc.id_token import IdToken
from idp.oidc.parameters import Parameters
from idp.oidc.provider import Provider
from idp.oidc.redeemable import Presented, Redemption
from idp.oidc.token_exchange import TokenExchangeGrant
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.tables import now

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

    def __init__(self, issuer: str, method: str, parameters: Parameters) -> None:
        # In place of authlib's own, which refuses plain http request by request. The settings have
        # seen to it that the issuer is https or a loopback address; behind a proxy, no request
        # could tell.
        self.method = method
        self.uri = issuer
        self.headers = {}
        self.payload = parameters
        self.client = self.user = self.auth_method = None
        self.authorization_code = self.refresh_token = self.credential = None
        self._scope = None

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
        redemption: Redemption | None = None,
    ) -> None:
        super().__init__()
        self.request = request
        self.client = client
        self.redemption = redemption
        self.provider = provider
        self.asked: AuthorizationRequest | None = None
        """The authorization request, once it is validated."""
        self.changes = Changes()

    def authenticate_client(
        self, request: OAuth2Request, methods: object, endpoint: str = ""
    ) -> Any:
        """Return the client, which has proven who it is before anything else was read."""
        return self.client

    def query_client(self, client_id: str) -> RegisteredClient | None:  # type: ignore[override]
        return self.client if self.client and self.client.row.id == client_id else None

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return Answer(status, body, headers, dict(headers).get("Location", ""))

    def send_signal(self, name: object, *args: object, **kwargs: object) -> None:
        """Do nothing: nobody listens to authlib's signals here."""

    def validate_authorization_request(self, asked: AuthorizationRequest) -> CodeGrant:
        """Check what authlib knows about a request; raises OAuth2Error."""
        self.asked = asked
        self.request.user = asked.signed_in
        self.register_grant(*_GRANTS["authorization_code"])
        grant = cast("CodeGrant", self.get_authorization_grant(self.request))
        grant.validate_consent_request()
        return grant

    def authorize(self, grant: CodeGrant) -> Answer:
        """Issue an authorization code to the client of a validated request."""
        user = self.request.user
        answer = self.create_authorization_response(self.request, user, grant)
        return self._naming_issuer(cast("Answer", answer))

    def refuse(self, error: OAuth2Error) -> Answer:
        """Tell the client about an error; the redirect_uri must be proven."""
        error.redirect_uri = self.request.form["redirect_uri"]
        error.state = self.request.form.get("state")
        return self._naming_issuer(cast("Answer", self.handle_error_response(self.request, error)))

    def _naming_issuer(self, answer: Answer) -> Answer:
        """RFC 9207 §2: every authorization response tells who gives it."""
        # authlib has put its answer into the query, and no redirect_uri has a fragment.
        answer.location += f"&{_encoded(self.provider.settings.issuer)}"
        return answer

    @property
    def credential(self) -> Presented | None:
        """What was presented at the token endpoint."""
        return self.redemption.presented if self.redemption else None

    def redeem(self) -> Answer:
        """Answer a request to the token endpoint."""
        if known := _GRANTS.get(self.request.form.get("grant_type", "")):
            self.register_grant(*known)
        return cast("Answer", self.create_token_response(self.request))

    def lose(self) -> Answer:
        """Answer a request whose code another one redeemed a moment ago."""
        error = InvalidGrantError("The code was used already.")
        return cast("Answer", self.handle_error_response(self.request, error))

    def presented(self, kind: type[RedeemableT], client: ClientMixin) -> RedeemableT | None:
        """Return the credential of this request, if it is of this kind and of this client."""
        found = self.credential
        return found if isinstance(found, kind) and found.check_client(client) else None

    def generate_token(  # noqa: PLR0913 (authlib's)
        self,
        grant_type: str,
        client: ClientMixin,
        user: object = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """Compose the answer of RFC 6749 §5.1; the scope is what the client may have of it."""
        redemption = cast("Redemption", self.redemption)
        self.scope = client.get_allowed_scope(scope or "")
        api, access_token, at_api = redemption.api, new_secret(), self.scope
        self.expires_at = redemption.expires_at
        if api is not None:
            at_api = scope_at(api, self.scope)
            access_token = signed_access_token(
                self.provider, redemption, api, at_api, self.expires_at
            )
        answer = {
            "token_type": "DPoP" if redemption.dpop_jkt else "Bearer",
            "access_token": access_token,
            "expires_in": round((self.expires_at - now()).total_seconds()),
            "scope": at_api,
        }
        return answer | {"refresh_token": new_secret()} if include_refresh_token else answer

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        redemption = cast("Redemption", self.redemption)
        grant, api = redemption.grant, redemption.api
        access_token = ACCESS_TOKENS.make(
            fingerprint=fingerprint(token["access_token"]),
            client_id=redemption.client.row.id,
            grant_id=grant.id if grant else None,
            scope=token["scope"],
            audience=api.identifier if api else None,
            dpop_jkt=redemption.dpop_jkt,
            expires_at=self.expires_at,
        )
        self.changes.new_rows.append(access_token)
        if grant and "refresh_token" in token:
            refresh_token = REFRESH_TOKENS.make(
                fingerprint=fingerprint(token["refresh_token"]),
                grant_id=grant.id,
                dpop_jkt=redemption.dpop_jkt if redemption.client.is_public else None,
                expires_at=now() + REFRESH_TOKEN_LIFETIME,
            )
            self.changes.new_rows.append(refresh_token)


_ID_TOKEN = IdToken()
_GRANTS: Mapping[str, tuple[type, Sequence[Any]]] = {
    "authorization_code": (CodeGrant, [CodeChallenge(), _ID_TOKEN]),
    "refresh_token": (RefreshGrant, [_ID_TOKEN]),
    "client_credentials": (ClientCredentials, []),
    DEVICE_CODE: (DeviceCodeGrant, [_ID_TOKEN]),
    TOKEN_EXCHANGE: (TokenExchangeGrant, []),
}
"""With what adds to their answers; only the grant a request names is registered for it."""


@cache
def _encoded(issuer: str) -> str:
    return urlencode({"iss": issuer})
