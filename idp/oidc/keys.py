"""The keys that sign id tokens: made once, sealed at rest, published as a JWK Set (RFC 7517)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from sqlmodel import Session, col, select

from idp.storage import Secrets
from idp.storage.tables import SigningKey

ALGORITHM = "RS256"


def ensure_signing_key(session: Session, secrets: Secrets) -> None:
    """Make the first signing key, unless there is one."""
    if session.exec(_active_keys()).first() is None:
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        private_jwk = secrets.seal_json(key.as_dict(private=True))
        session.add(SigningKey(kid=key.thumbprint(), algorithm=ALGORITHM, private_jwk=private_jwk))
        session.flush()


def load_private_jwks(session: Session, secrets: Secrets) -> list[dict[str, Any]]:
    """Return the private JWKs in use, the one that signs first."""
    ensure_signing_key(session, secrets)
    return [secrets.open_json(key.private_jwk) for key in session.exec(_active_keys())]


def _active_keys() -> Any:
    active = select(SigningKey).where(col(SigningKey.retired_at).is_(None))
    return active.order_by(col(SigningKey.created_at).desc())


@dataclass(frozen=True)
class KeyRing:
    """Keys imported once, because importing one costs a hundred times what a signature costs."""

    signing_key: RSAKey
    key_set: KeySet

    @classmethod
    def open(cls, private_jwks: Iterable[dict[str, Any]]) -> "KeyRing":
        keys = [RSAKey.import_key(jwk) for jwk in private_jwks]
        return cls(keys[0], KeySet(list(keys)))

    @cached_property
    def jwks(self) -> dict[str, Any]:
        """Return the public half, as clients read it."""
        return {"keys": [key.as_dict(private=False) for key in self.key_set.keys]}

    def read_id_token(self, id_token: str) -> dict[str, Any] | None:
        """Return the claims of an id token signed here, expired or not; None for any other."""
        try:
            return dict(jwt.decode(id_token, self.key_set, algorithms=[ALGORITHM]).claims)
        except JoseError:
            return None
