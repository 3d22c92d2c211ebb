"""The keys that sign tokens: of each algorithm the next, the current and the previous one.

A client may keep the published keys for a while, so a key is published before it signs, and after.
Keys are sealed at rest and published as a JWK Set (RFC 7517).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode
from sqlmodel import Session, col, delete, select, update

from idp.storage import Secrets
from idp.storage.statements import Rows
from idp.storage.tables import SigningKey, SigningKeyState

ALGORITHM = "RS256"
"""What signs when a client asked for nothing else (OIDC Core §15.1)."""
_EDDSA = "EdDSA"
_ED25519 = "Ed25519"
ALGORITHMS = (ALGORITHM, "ES256", _ED25519, _EDDSA)
"""What clients may choose; `EdDSA` is how `Ed25519` was called before RFC 9864."""

_KEYS = Rows(SigningKey)
_GENERATE: dict[str, Callable[[], Key]] = {
    ALGORITHM: partial(RSAKey.generate_key, 2048, {"use": "sig", "alg": ALGORITHM}),
    "ES256": partial(ECKey.generate_key, "P-256", {"use": "sig", "alg": "ES256"}),
    # Without `alg`, for clients know the algorithm of this key by two names.
    _ED25519: partial(OKPKey.generate_key, "Ed25519", {"use": "sig"}),
}


@dataclass(frozen=True)
class StoredKey:
    """A signing key as it is kept, opened."""

    kid: str
    algorithm: str
    state: SigningKeyState
    private_jwk: Mapping[str, Any]


def ensure_signing_keys(session: Session, secrets: Secrets) -> None:
    """Make the keys that are missing; of processes that start at once, one makes each."""
    found = set(session.exec(select(SigningKey.algorithm, SigningKey.state)).all())
    for algorithm in _GENERATE:
        for state in (SigningKeyState.CURRENT, SigningKeyState.NEXT):
            if (algorithm, state) not in found:
                _add_key(session, secrets, algorithm, state)


def load_signing_keys(session: Session, secrets: Secrets) -> list[StoredKey]:
    """Return every key, after making those that are missing."""
    ensure_signing_keys(session, secrets)
    return [
        StoredKey(key.kid, key.algorithm, key.state, secrets.open_json(key.private_jwk))
        for key in list_keys(session)
    ]


def list_keys(session: Session) -> list[SigningKey]:
    """Return the rows of every key, newest first within an algorithm."""
    ordered = select(SigningKey).order_by(col(SigningKey.algorithm), col(SigningKey.kid))
    order = list(SigningKeyState)
    return sorted(session.exec(ordered), key=lambda key: (key.algorithm, order.index(key.state)))


def rotate_keys(session: Session, secrets: Secrets) -> None:
    """Let the next keys sign; the current ones only verify from now on, the previous ones go."""
    ensure_signing_keys(session, secrets)
    session.exec(select(SigningKey).with_for_update()).all()  # one rotation after the other
    session.exec(delete(SigningKey).where(col(SigningKey.state) == SigningKeyState.PREVIOUS))
    _move(session, SigningKeyState.CURRENT, SigningKeyState.PREVIOUS)
    _move(session, SigningKeyState.NEXT, SigningKeyState.CURRENT)
    ensure_signing_keys(session, secrets)


def _move(session: Session, old: SigningKeyState, new: SigningKeyState) -> None:
    session.exec(update(SigningKey).where(col(SigningKey.state) == old).values(state=new))


def _add_key(session: Session, secrets: Secrets, algorithm: str, state: SigningKeyState) -> None:
    key = _GENERATE[algorithm]()
    _KEYS.insert_if_absent(
        session,
        kid=key.thumbprint(),
        algorithm=algorithm,
        state=state,
        private_jwk=secrets.seal_json({**key.as_dict(private=True), "kid": key.thumbprint()}),
    )


class _Registry(JWSRegistry):
    """joserfc's algorithms under the names clients know."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg(_ED25519 if name == _EDDSA else name)


_REGISTRY = _Registry(algorithms=ALGORITHMS)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=64)
def _encoded_header(typ: str, algorithm: str, kid: str) -> bytes:
    """Return the header of a JWS (RFC 7515 §7.1), the same for all of a kind that a key signs."""
    return urlsafe_b64encode(_encode({"typ": typ, "alg": algorithm, "kid": kid}).encode())


@dataclass(frozen=True)
class KeyRing:
    """Keys imported once, because importing one costs a hundred times what a signature costs."""

    signing_keys: Mapping[str, Key]
    """The current key of each algorithm."""
    key_set: KeySet

    @classmethod
    def open(cls, stored: Iterable[StoredKey], known: "KeyRing | None" = None) -> "KeyRing":
        """Import keys, but for those that are `known` already."""
        imported = {key.kid: key for key in known.key_set.keys} if known else {}
        keys: list[Key] = []
        signing_keys: dict[str, Key] = {}
        for each in stored:
            key = imported.get(each.kid) or JWKRegistry.import_key(dict(each.private_jwk))
            keys.append(key)
            if each.state is SigningKeyState.CURRENT:
                signing_keys[each.algorithm] = key
        return cls(signing_keys, KeySet(keys))

    @cached_property
    def jwks(self) -> dict[str, Any]:
        """Return the public half, as clients read it."""
        return {"keys": [key.as_dict(private=False) for key in self.key_set.keys]}

    @cached_property
    def published(self) -> bytes:
        """Return the JWK Set as it is published."""
        return json.dumps(self.jwks).encode()

    def sign(self, claims: dict[str, Any], algorithm: str = ALGORITHM, typ: str = "JWT") -> str:
        """Return a signed JWT; `typ` keeps one kind from being taken for another (RFC 8725)."""
        key = self.signing_keys[_ED25519 if algorithm == _EDDSA else algorithm]
        payload = urlsafe_b64encode(_encode(claims).encode())
        signing_input = _encoded_header(typ, algorithm, key.kid) + b"." + payload
        signature = _REGISTRY.get_alg(algorithm).sign(signing_input, key)
        return (signing_input + b"." + urlsafe_b64encode(signature)).decode()

    def read_id_token(self, id_token: str) -> dict[str, Any] | None:
        """Return the claims of an id token signed here, expired or not; None for any other."""
        try:
            token = jwt.decode(id_token, self.key_set, registry=_REGISTRY)
        except (JoseError, ValueError):
            return None
        # Other JWTs of ours say so in `typ`, or like userinfo never expire.
        is_id_token = token.header.get("typ") == "JWT" and {"sub", "aud", "exp"} <= set(
            token.claims
        )
        return dict(token.claims) if is_id_token else None
