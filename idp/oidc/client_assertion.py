"""private_key_jwt: a client signs who it is (RFC 7523 §3, OIDC Core §9); a check per rule."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlmodel import Session

from idp.oidc.clients import RegisteredClient
from idp.settings import Settings
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows
from idp.storage.tables import UsedAssertion, now

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")

_USED = Rows(UsedAssertion)
_LONGEST_LIFE = 600  # seconds; a used assertion is remembered that long
_CLOCKS_DIFFER_BY = 10  # seconds


@dataclass(frozen=True)
class Assertion:
    """A signed assertion, with what its claims are compared with."""

    claims: dict[str, Any]
    client_id: str
    issuer: str
    moment: float

    def seconds(self, name: str) -> float | None:
        value = self.claims.get(name)
        return float(value) if isinstance(value, int | float) else None


def claimed_client_id(assertion: str) -> str | None:
    """Return whom an assertion names; nobody has verified it yet."""
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else None


def check_assertion(
    session: Session,
    settings: Settings,
    client: RegisteredClient,
    assertion: str,
    keys: KeySet | None,
) -> None:
    """Raise InvalidClientError unless the client signed this, for us, now, and only once."""
    claims = _verified(keys, assertion)
    asserted = Assertion(claims, client.row.id, settings.issuer, now().timestamp())
    for check, otherwise in CHECKS:
        if not check(asserted):
            raise _refused(otherwise)
    _use(session, asserted)


def _verified(keys: KeySet | None, assertion: str) -> dict[str, Any]:
    if keys is None:
        raise _refused("The client has no registered key.")
    try:
        return dict(jwt.decode(assertion, keys, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, ValueError) as error:
        raise _refused("The client_assertion is not signed with a key of the client.") from error


def names_the_client(asserted: Assertion) -> bool:
    """RFC 7523 §3, 1 and 2B: issuer and subject are the client."""
    return asserted.claims.get("iss") == asserted.claims.get("sub") == asserted.client_id


def is_for_this_server(asserted: Assertion) -> bool:
    """RFC 7523 §3, 3: the audience is the issuer or the token endpoint."""
    audience = asserted.claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return bool({asserted.issuer, f"{asserted.issuer}/oidc/token"} & {str(one) for one in named})


def expires_soon(asserted: Assertion) -> bool:
    """RFC 7523 §3, 4: it must expire, and not "unreasonably far in the future"."""
    expires_at = asserted.seconds("exp")
    return expires_at is not None and 0 < expires_at - asserted.moment <= _LONGEST_LIFE


def has_begun(asserted: Assertion) -> bool:
    """RFC 7523 §3, 5 and 6: not before its time, nor issued later than now."""
    latest = asserted.moment + _CLOCKS_DIFFER_BY
    return all((asserted.seconds(name) or 0) <= latest for name in ("nbf", "iat"))


def has_an_id(asserted: Assertion) -> bool:
    """OIDC Core §9: the jti is required; without it a replay would go unnoticed."""
    return isinstance(asserted.claims.get("jti"), str)


CHECKS: tuple[tuple[Callable[[Assertion], bool], str], ...] = (
    (names_the_client, "iss and sub of the client_assertion must be the client_id."),
    (is_for_this_server, "The aud of the client_assertion must be the issuer."),
    (expires_soon, f"The client_assertion must expire within {_LONGEST_LIFE} seconds."),
    (has_begun, "The client_assertion is not valid yet."),
    (has_an_id, "The client_assertion needs a jti."),
)


def _use(session: Session, asserted: Assertion) -> None:
    """RFC 7523 §3, 7: remember it until it expires; raises InvalidClientError the second time."""
    expires_at = datetime.fromtimestamp(asserted.claims["exp"], UTC)
    # JSON keeps the two apart, whatever they hold.
    used = fingerprint(json.dumps([asserted.client_id, asserted.claims["jti"]]))
    if not _USED.insert_if_absent(session, fingerprint=used, expires_at=expires_at):
        raise _refused("The client_assertion was used before.")


def _refused(why: str) -> InvalidClientError:
    return InvalidClientError(why, status_code=401)
