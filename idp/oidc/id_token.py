"""The id token (OIDC Core §2): who signed in, when and how; claims about them are at userinfo."""

import time
from typing import Any, cast

from authlib.oauth2 import OAuth2Request
from authlib.oidc.core import OpenIDCode, UserInfo

from idp.oidc.credentials import CodeCredential, Redeemable
from idp.oidc.keys import ALGORITHM, KeyRing
from idp.storage.tables import User

CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "sid")
LIFETIME = 3600  # seconds


class IdToken(OpenIDCode):
    """Adds an id token to the answer of the token endpoint."""

    def __init__(self, issuer: str, keys: KeyRing) -> None:
        super().__init__()
        self._issuer = issuer
        self._keys = keys

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return False  # The nonce is the client's to check; codes are single-use here.

    def get_compatible_claims(self, request: OAuth2Request) -> dict[str, Any]:
        # OIDC Core §12.2: a refreshed id token tells of the same sign-in.
        credential = cast("Redeemable", request.authorization_code or request.refresh_token)
        grant = credential.grant
        issued_at = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": grant.user_id,
            "aud": grant.client_id,
            "iat": issued_at,
            "exp": issued_at + LIFETIME,
            "auth_time": int(grant.auth_time.timestamp()),
            "amr": grant.amr,
            "sid": grant.session_id,
        }
        return {name: value for name, value in claims.items() if value}

    def get_authorization_code_claims(self, authorization_code: CodeCredential) -> dict[str, Any]:  # type: ignore[override]
        nonce = authorization_code.grant.nonce
        return {"nonce": nonce} if nonce else {}

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return UserInfo()

    def get_encode_header(self, client: object) -> dict[str, Any]:
        return {"alg": ALGORITHM, "kid": self._keys.signing_key.kid}

    def resolve_client_private_key(self, client: object) -> Any:
        return self._keys.signing_key
