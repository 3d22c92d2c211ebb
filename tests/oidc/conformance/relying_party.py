"""The client the certification suite plays, with the checks every module of a plan makes."""

import html
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from math import log2
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.oidc.claims import CLAIMS_BY_SCOPE
from idp.storage.tables import User
from tests.oidc.conftest import CALLBACK, CHALLENGE, ISSUER, SECRET, Site, answered

STANDARD_CLAIMS: dict[str, Any] = {
    **{name: f"a {name}" for name in CLAIMS_BY_SCOPE["profile"]},
    "address": {"formatted": "1 Main Street"},
    "phone_number": "+49 30 1234",
    "phone_number_verified": True,
}
ID_TOKEN_CLAIMS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp"}
ID_TOKEN_CLAIMS |= {"at_hash", "c_hash", "nbf", "jti", "sid", "s_hash", "txn"}


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in that went well brought."""

    answer: dict[str, str]
    tokens: dict[str, Any]
    claims: dict[str, Any]
    """Of the id token."""


class RelyingParty:
    """Signs a person in the way one plan asks for."""

    def __init__(self, site: Site, response_mode: str | None) -> None:
        self.site = site
        self.response_mode = response_mode
        site.change(User, claims=STANDARD_CLAIMS)

    def request(self, **changes: str | None) -> httpx2.Response:
        """Send an authorization request without PKCE."""
        plain = {"client_id": "old", "scope": "openid", "response_mode": self.response_mode}
        without: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
        return self.site.authorize(**{**plain, **without, **changes})

    def answer(self, response: httpx2.Response) -> dict[str, str]:
        """Read an authorization response where this plan expects it."""
        if self.response_mode != "form_post":
            assert response.headers["location"].startswith(f"{CALLBACK}?")
            return answered(response)
        assert f'action="{CALLBACK}"' in response.text
        fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', response.text)
        return {name: html.unescape(value) for name, value in fields}

    def asks_person(self, response: httpx2.Response) -> bool:
        return bool(response.headers.get("location", "").startswith("/sign-in?"))

    def sign_in(self, **changes: str | None) -> SignedIn:
        """Go through a request to its tokens, with a person who signs in when asked to."""
        response = self.request(**changes)
        if self.asks_person(response):
            self.site.sign_in()
            response = self.site.resume(answered(response)["interaction"])
        return self.complete(response, nonce=changes.get("nonce", "a-nonce"))

    def complete(self, response: httpx2.Response, nonce: str | None = "a-nonce") -> SignedIn:
        answer = self.answer(response)
        assert set(answer) == {"code", "state", "iss"}
        assert (answer["iss"], answer["state"]) == (ISSUER, "a state")
        assert _entropy(answer["code"]) >= 128
        exchanged = self.exchange(answer["code"])
        assert exchanged.status_code == 200, exchanged.text
        assert exchanged.headers["cache-control"] == "no-store"
        tokens = exchanged.json()
        assert tokens["token_type"] == "Bearer"
        claims = self.read_id_token(tokens["id_token"])
        assert claims.get("nonce") == nonce
        return SignedIn(answer, tokens, claims)

    def exchange(self, authorization_code: str, **changes: str) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "code": authorization_code}
        form |= {"redirect_uri": CALLBACK, **changes}
        return self.site.browser.post("/oidc/token", data=form, auth=("old", SECRET))

    def read_id_token(self, id_token: str) -> dict[str, Any]:
        """Validate an id token with the published keys (OIDC Core §3.1.3.7)."""
        keys = KeySet.import_key_set(self.site.browser.get("/oidc/jwks").json())
        assert len({key.kid for key in keys.keys}) == len(keys.keys)
        token = jwt.decode(id_token, keys, algorithms=["RS256"])
        assert token.header["kid"] in {key.kid for key in keys.keys}
        claims = dict(token.claims)
        assert set(claims) <= ID_TOKEN_CLAIMS
        assert (claims["iss"], claims["aud"]) == (ISSUER, "old")
        assert claims["exp"] > claims["iat"]
        return claims

    def userinfo(self, signed_in: SignedIn) -> dict[str, Any]:
        response = self.site.userinfo(signed_in.tokens["access_token"])
        assert response.status_code == 200
        told: dict[str, Any] = response.json()
        assert told["sub"] == signed_in.claims["sub"]
        return told

    def pkce(self) -> dict[str, str]:
        return {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def unguessable() -> str:
    return secrets.token_urlsafe(16)


def _entropy(text: str) -> float:
    """Return Shannon's measure in bits, as the suite computes it."""
    return -sum(n * log2(n / len(text)) for n in Counter(text).values())
