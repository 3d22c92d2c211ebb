"""DPoP (RFC 9449): tokens that are of use only with a key; the proof of it, a check per rule."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key
from sqlmodel import Session
from starlette.datastructures import Headers

from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows
from idp.storage.tables import UsedAssertion, now

ALGORITHMS = ("ES256", "Ed25519", "RS256", "PS256")
"""RFC 9449 §4.3, 5: asymmetric ones only."""
JKT = re.compile(r"[A-Za-z0-9_-]{43}")
"""A thumbprint of RFC 7638 with SHA-256."""

_USED = Rows(UsedAssertion)
_OLDEST = 60  # seconds
_CLOCKS_DIFFER_BY = 10  # seconds
_LARGEST = 8 * 1024  # characters


class InvalidDpopProofError(OAuth2Error):
    """The proof is missing, malformed, too old, or of another request (RFC 9449 §5)."""

    error = "invalid_dpop_proof"


@dataclass(frozen=True)
class Proof:
    """A signed proof, with the request it came with."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: Key
    method: str
    url: str
    moment: float
    access_token: str | None = None
    """What it came with, where it guards the use of a token."""

    @property
    def jkt(self) -> str:
        """The thumbprint of its key, which tokens are bound to (§6.1)."""
        return self.key.thumbprint()


def read_proof(
    headers: Headers, method: str, url: str, access_token: str | None = None
) -> Proof | None:
    """Return the proof of a request, if it has one; raises InvalidDpopProofError.

    `url` is the address of the endpoint without query. That it is used once is for `use_proof`.
    """
    sent = headers.getlist("dpop")
    if not sent:
        return None
    if len(sent) > 1 or len(sent[0]) > _LARGEST:  # §4.3, 1
        raise InvalidDpopProofError("There must be one DPoP proof of a reasonable size.")
    header, key, claims = _verified(sent[0])
    proof = Proof(header, claims, key, method, url, now().timestamp(), access_token)
    for check, otherwise in CHECKS:
        if not check(proof):
            raise InvalidDpopProofError(otherwise)
    return proof


def _verified(text: str) -> tuple[Mapping[str, Any], Key, Mapping[str, Any]]:
    """§4.3, 2 and 6: a JWT, signed with the key it names."""
    try:
        header = jws.extract_compact(text.encode()).headers()
        key = JWKRegistry.import_key(header["jwk"])
        claims = jwt.decode(text, key, algorithms=list(ALGORITHMS)).claims
    except (JoseError, KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"The DPoP proof is no JWT signed with its jwk by {' or '.join(ALGORITHMS)}."
        raise InvalidDpopProofError(message) from error
    return header, key, claims


def is_a_proof(proof: Proof) -> bool:
    """§4.3, 4: no other JWT of the client may be taken for one (RFC 8725 §3.11)."""
    return proof.header.get("typ") == "dpop+jwt"


def keeps_its_key(proof: Proof) -> bool:
    """§4.3, 7: a private key in the header would be everybody's."""
    return proof.key.key_type != "oct" and not proof.key.is_private


def has_an_id(proof: Proof) -> bool:
    """§4.3, 3: without the jti a replay would go unnoticed."""
    return isinstance(proof.claims.get("jti"), str)


def is_for_this_method(proof: Proof) -> bool:
    """§4.3, 8: the htm is the method of the request."""
    return proof.claims.get("htm") == proof.method


def is_for_this_address(proof: Proof) -> bool:
    """§4.3, 9: the htu is the address of the request, whatever its query and fragment."""
    htu = proof.claims.get("htu")
    if not isinstance(htu, str):
        return False
    try:
        named = urlsplit(htu)
    except ValueError:
        return False
    here = urlsplit(proof.url)
    return (named.scheme.lower(), named.netloc.lower(), named.path) == (
        here.scheme,
        here.netloc.lower(),
        here.path,
    )


def is_of_now(proof: Proof) -> bool:
    """§4.3, 11: made a moment ago, give or take what clocks differ by."""
    made_at = proof.claims.get("iat")
    if not isinstance(made_at, int | float):
        return False
    return -_CLOCKS_DIFFER_BY <= proof.moment - made_at <= _OLDEST


def is_for_this_token(proof: Proof) -> bool:
    """§4.3, 12: where it guards an access token, it holds the hash of that token."""
    if proof.access_token is None:
        return True
    digest = sha256(proof.access_token.encode()).digest()
    return proof.claims.get("ath") == urlsafe_b64encode(digest).rstrip(b"=").decode()


CHECKS: tuple[tuple[Callable[[Proof], bool], str], ...] = (
    (is_a_proof, "The typ of a DPoP proof is dpop+jwt."),
    (keeps_its_key, "The jwk of a DPoP proof is a public key."),
    (has_an_id, "The DPoP proof needs a jti."),
    (is_for_this_method, "The htm of the DPoP proof is not the method of this request."),
    (is_for_this_address, "The htu of the DPoP proof is not the address of this request."),
    (is_of_now, f"The DPoP proof must be made within {_OLDEST} seconds of its use."),
    (is_for_this_token, "The ath of the DPoP proof is not the hash of the access token."),
)


def use_proof(session: Session, proof: Proof) -> None:
    """§11.1: remember it while it is fresh; raises InvalidDpopProofError the second time."""
    expires_at = now() + timedelta(seconds=_OLDEST + _CLOCKS_DIFFER_BY)
    used = fingerprint(json.dumps(["dpop", proof.jkt, proof.url, proof.claims["jti"]]))
    if not _USED.insert_if_absent(session, fingerprint=used, expires_at=expires_at):
        raise InvalidDpopProofError("The DPoP proof was used before.")
