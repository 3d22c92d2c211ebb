"""Signed request objects (RFC 9101): an authorization request its client vouches for."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters

if TYPE_CHECKING:
    from idp.oidc.provider import Provider

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")
_TYPES = {None, "JWT", "oauth-authz-req+jwt"}
_NOT_PARAMETERS = {"iss", "aud", "exp", "nbf", "iat", "jti", "sub"}
_CLOCKS_DIFFER_BY = 10  # seconds


@dataclass(frozen=True)
class RequestObject:
    """A request object whose signature is right, with what its claims are compared with."""

    claims: dict[str, Any]
    client_id: str
    issuer: str
    moment: float


async def request_object_keys(
    provider: "Provider", sent: Parameters, client_id: str | None
) -> KeySet | None:
    """Return the keys a request object may be signed with, if there is one."""
    text = sent.get("request")
    return await provider.client_keys.find(client_id, text) if text else None


def unpack(
    sent: Parameters, client: RegisteredClient, issuer: str, keys: KeySet | None
) -> Parameters:
    """Return what a request object asks for, and nothing of what stands beside it (§6.3).

    A request whose object cannot be read comes back as it was, for the checks to refuse.
    """
    text = sent.get("request")
    claims = _verified(text, keys) if text and keys else None
    if claims is None or sent.are_repeated:
        return sent
    read = RequestObject(claims, client.row.id, issuer, time.time())
    if not all(check(read) for check in CHECKS):
        return sent
    named = {name: value for name, value in claims.items() if name not in _NOT_PARAMETERS}
    several = named.pop("resource", [])  # RFC 8707 §2: one, or an array
    resources = several if isinstance(several, list) else [several]
    sent_values = [(name, _as_sent(value)) for name, value in named.items()]
    return Parameters([*sent_values, *(("resource", _as_sent(each)) for each in resources)])


def _verified(text: str, keys: KeySet) -> dict[str, Any] | None:
    try:
        token = jwt.decode(text, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, RecursionError):
        return None
    return dict(token.claims) if token.header.get("typ") in _TYPES else None


def names_the_client(read: RequestObject) -> bool:
    """§4, §5: the client_id inside is the one outside; the issuer, if named, is the client."""
    named = read.claims.get("client_id"), read.claims.get("iss", read.client_id)
    return named == (read.client_id, read.client_id)


def is_for_this_server(read: RequestObject) -> bool:
    """§4: the audience is this server."""
    audience = read.claims.get("aud", read.issuer)
    return read.issuer in (audience if isinstance(audience, list) else [audience])


def is_of_now(read: RequestObject) -> bool:
    """RFC 7519 §4.1.4 and §4.1.5: neither over nor not begun."""
    ends, begins = (read.claims.get(name, read.moment) for name in ("exp", "nbf"))
    if not isinstance(ends, int | float) or not isinstance(begins, int | float):
        return False
    return bool(begins - _CLOCKS_DIFFER_BY <= read.moment <= ends + _CLOCKS_DIFFER_BY)


def holds_no_other(read: RequestObject) -> bool:
    """§4: "request and request_uri parameters MUST NOT be included in Request Objects"."""
    return not {"request", "request_uri"} & set(read.claims)


CHECKS: tuple[Callable[[RequestObject], bool], ...] = (
    names_the_client,
    is_for_this_server,
    is_of_now,
    holds_no_other,
)


def _as_sent(value: object) -> str:
    """Return a value as it would stand in a query; OIDC Core §6.1 writes some as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
