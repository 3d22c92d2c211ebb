"""The id token (OIDC Core §2): who signed in, when and how; claims about them are at userinfo."""

import time
from base64 import urlsafe_b64encode
from hashlib import sha256, sha512
from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2 import OAuth2Request
from authlib.oidc.core import OpenIDCode

from idp.oidc.claims import claims_of
from idp.oidc.credentials import CodeCredential
from idp.oidc.provider import Provider
from idp.oidc.redeemable import Redeemable

if TYPE_CHECKING:
    from idp.oidc.clients import RegisteredClient

CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid")
LIFETIME = 3600  # seconds


class IdToken(OpenIDCode):
    """Adds an id token to the answer of the token endpoint."""

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        return False  # The nonce is the client's to check; codes are single-use here.

    def process_token(self, grant: Any, response: Any) -> dict[str, Any]:
        """Add it, also beside an access token that is for an API and lacks the openid scope."""
        token: dict[str, Any] = response[1]
        if "openid" in grant.server.scope.split():
            token["id_token"] = _sign(grant.server.provider, grant.request, token)
        return token


def _sign(provider: Provider, request: OAuth2Request, token: dict[str, Any]) -> str:
    credential = cast("Redeemable", request.authorization_code or request.refresh_token)
    algorithm = cast("RegisteredClient", request.client).row.id_token_signed_response_alg
    claims = _claims_of(credential) | {"iss": provider.settings.issuer}
    claims["at_hash"] = _half_hash(token["access_token"], algorithm)
    return provider.keys.sign(claims, algorithm)


def _claims_of(credential: Redeemable) -> dict[str, Any]:
    # OIDC Core §12.2: a refreshed id token tells of the same sign-in, and has no nonce.
    grant = credential.grant
    issued_at = int(time.time())
    claims = {
        **claims_of(credential.user, "", grant.claims.get("id_token", ())),
        "sub": grant.user_id,
        "aud": grant.client_id,
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
        "auth_time": int(grant.auth_time.timestamp()),
        "nonce": grant.nonce if isinstance(credential, CodeCredential) else None,
        "acr": grant.acr,
        "amr": grant.amr,
        "sid": grant.session_id,
    }
    return {name: value for name, value in claims.items() if value not in (None, [])}


def _half_hash(access_token: str, algorithm: str) -> str:
    """Return the left half of a hash as strong as the signature (OIDC Core §3.1.3.6)."""
    hash_of = sha512 if algorithm.startswith("Ed") else sha256
    digest = hash_of(access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
