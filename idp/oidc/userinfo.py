"""The userinfo endpoint (OIDC Core §5.3), protected as RFC 6750 says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.oidc.answers import answer
from idp.oidc.claims import claims_of
from idp.oidc.dpop import ALGORITHMS, InvalidDpopProofError, Proof, read_proof, use_proof
from idp.oidc.parameters import form_parameters
from idp.oidc.provider import Provider
from idp.storage import Database
from idp.storage.clock import from_now
from idp.storage.lookups import Lookup
from idp.storage.secrets import fingerprint
from idp.storage.tables import AccessToken, Client, Grant, User

_FIND = Lookup[Any](
    select(  # type: ignore[call-overload]  # sqlmodel types four columns
        User.id,
        User.email,
        User.email_verified,
        User.locale,
        User.updated_at,
        User.claims,
        AccessToken.scope,
        Grant.claims,
        AccessToken.client_id,
        Client.userinfo_signed_response_alg,
        AccessToken.dpop_jkt,
    )
    .join(Grant, col(Grant.id) == col(AccessToken.grant_id))
    .join(User, col(User.id) == col(Grant.user_id))
    .join(Client, col(Client.id) == col(AccessToken.client_id))
    .where(
        col(AccessToken.audience).is_(None),  # RFC 9068 §4: the others are for APIs
        col(AccessToken.expires_at) > from_now(),
        col(Grant.revoked_at).is_(None),
        col(User.suspended_at).is_(None),
    ),
    col(AccessToken.fingerprint),
)


class Bearer(NamedTuple):
    """Whom an access token tells about, how much, and to which client."""

    id: str
    email: str | None
    email_verified: bool
    locale: str | None
    updated_at: datetime
    claims: Mapping[str, Any]
    scope: str
    names: Mapping[str, list[str]]
    """Claims that were asked for one by one."""
    client_id: str
    algorithm: str | None
    """Set for a client that wants the answer signed."""
    dpop_jkt: str | None
    """Thumbprint of the key the access token is bound to (RFC 9449)."""


@dataclass(frozen=True)
class Presented:
    """An access token, and the proof of the key it is bound to where it came as `DPoP`."""

    access_token: str
    proof: Proof | None = None


class BearerError(Exception):
    """An error of RFC 6750 §3.1; without a name when no access token came at all (§3)."""

    scheme = 'Bearer realm="userinfo"'

    def __init__(self, status_code: int, error: str = "", description: str = "") -> None:
        super().__init__(error)
        self.status_code = status_code
        self.body = {"error": error, "error_description": description} if error else {}

    def to_response(self) -> Response:
        details = [f'{name}="{value}"' for name, value in self.body.items()]
        challenge = ", ".join([self.scheme, *details])
        headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
        return JSONResponse(self.body, self.status_code, headers)


class DpopError(BearerError):
    """The same for an access token that is bound to a key (RFC 9449 §7.1)."""

    scheme = f'DPoP algs="{" ".join(ALGORITHMS)}"'


async def userinfo_endpoint(provider: Provider, request: Request) -> Response:
    """Tell a client about the person whose access token it presents."""
    try:
        presented = await read_access_token(request, provider.settings.issuer)
        told = await find_bearer(provider.database, presented)
        check_scope(told)
    except BearerError as error:
        return error.to_response()
    claims = claims_of(told, told.scope, told.names.get("userinfo", ()))
    if told.algorithm:
        return _signed(provider, claims, told.client_id, told.algorithm)
    return answer(claims)


def _signed(provider: Provider, claims: dict[str, Any], client_id: str, algorithm: str) -> Response:
    """OIDC Core §5.3.2: a signed answer says who says it, and to whom."""
    told = {"iss": provider.settings.issuer, "aud": client_id, **claims}
    body = provider.keys.sign(told, algorithm)
    return Response(body, media_type="application/jwt", headers={"Cache-Control": "no-store"})


async def read_access_token(request: Request, issuer: str) -> Presented:
    """Return the access token from the header (RFC 6750 §2.1) or the form (§2.2), not both."""
    scheme, _, in_header = request.headers.get("authorization", "").partition(" ")
    in_form = None
    if request.method == "POST":
        in_form = (await form_parameters(request)).get("access_token")
    if scheme.lower() not in {"bearer", "dpop"}:
        in_header = ""
    if in_header and in_form:
        raise BearerError(400, "invalid_request", "The access token was sent in two ways.")
    if in_header and scheme.lower() == "dpop":
        return _bound(request, issuer, in_header.strip())
    if access_token := in_header.strip() or in_form:
        return Presented(access_token)
    raise BearerError(401)


def _bound(request: Request, issuer: str, access_token: str) -> Presented:
    """RFC 9449 §7.1: an access token of the scheme DPoP comes with the proof of its key."""
    url = issuer + request.scope["path"]
    try:
        proof = read_proof(request.headers, request.method, url, access_token)
    except InvalidDpopProofError as error:
        raise DpopError(401, "invalid_dpop_proof", error.description) from error
    if proof is None:
        raise DpopError(401, "invalid_dpop_proof", "The DPoP proof is missing.")
    return Presented(access_token, proof)


async def find_bearer(database: Database, presented: Presented) -> Bearer:
    """Return what an access token stands for; raises BearerError if it stands for nothing."""
    for found in await _FIND.find(database, fingerprint(presented.access_token)):
        told = Bearer(*found)
        await check_key(database, presented.proof, told.dpop_jkt)
        return told
    raise BearerError(401, "invalid_token", "The access token is unknown or has ended.")


async def check_key(database: Database, proof: Proof | None, dpop_jkt: str | None) -> None:
    """RFC 9449 §7.1 and §7.2: a bound access token comes with its key, any other as a bearer."""
    if (proof.jkt if proof else None) != dpop_jkt:
        raise DpopError(401, "invalid_token", "The access token is not bound to this key.")
    if proof:
        try:
            await database.run(use_proof, proof)
        except InvalidDpopProofError as error:
            raise DpopError(401, "invalid_dpop_proof", error.description) from error


def check_scope(told: Bearer) -> None:
    """OIDC Core §5.3: userinfo is for access tokens of the openid scope."""
    if "openid" not in told.scope.split():
        raise BearerError(403, "insufficient_scope", "The access token lacks the openid scope.")
