"""What is sent to the token endpoint: one form per kind of OAuth2 configuration."""

import hashlib
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from secrets import token_urlsafe

from joserfc import jwt
from joserfc.jwk import RSAKey

from idp_smtp_email.auth import (
    OAuth2,
    OAuth2ClientCredentials,
    OAuth2RefreshToken,
    OAuth2ServiceAccount,
    SigningKey,
)

_LIFETIME = 300  # seconds
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523 §2.1
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2


def grant_form(auth: OAuth2, refresh_token: str | None) -> dict[str, str]:
    """Return the parameters of a token request."""
    if isinstance(auth, OAuth2ServiceAccount):
        return {"grant_type": _JWT_BEARER, "assertion": _service_account_assertion(auth)}
    form = {
        "client_id": auth.client_id,
        "client_secret": auth.client_secret.get_secret_value() if auth.client_secret else None,
        "scope": auth.scope,
        **_proof(auth, refresh_token),
    }
    return {name: value for name, value in form.items() if value is not None}


def _proof(
    auth: OAuth2RefreshToken | OAuth2ClientCredentials, refresh_token: str | None
) -> dict[str, str | None]:
    if isinstance(auth, OAuth2RefreshToken):
        return {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if auth.private_key is None:
        return {"grant_type": "client_credentials"}
    claims = {"iss": auth.client_id, "sub": auth.client_id, "jti": token_urlsafe(16)}
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": _CLIENT_ASSERTION,
        "client_assertion": _assertion(auth.private_key, auth.access_url, claims),
    }


def _service_account_assertion(auth: OAuth2ServiceAccount) -> str:
    claims = {"iss": auth.service_client, "sub": auth.user, "scope": auth.scope}
    return _assertion(auth.private_key, auth.access_url, claims)


def _assertion(key: SigningKey, audience: str, claims: Mapping[str, str]) -> str:
    issued_at = int(time.time())
    period = {"aud": audience, "iat": issued_at, "exp": issued_at + _LIFETIME}
    header, signing_key = _header(key), RSAKey.import_key(key.load())
    return jwt.encode(header, {**claims, **period}, signing_key, algorithms=[header["alg"]])


def _header(key: SigningKey) -> dict[str, str]:
    header = {"alg": "RS256"} if key.key_id is None else {"alg": "RS256", "kid": key.key_id}
    if key.cert is not None:
        # Microsoft finds the key by the certificate's thumbprint (RFC 7515 §4.1.8), with PS256.
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(key.cert)).digest()
        header |= {"alg": "PS256", "x5t#S256": urlsafe_b64encode(digest).decode().rstrip("=")}
    return header
