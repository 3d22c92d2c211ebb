"""A client written by others signs a person in: authlib's own, with joserfc for the id token."""

import time
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.oauth2 import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.oidc.conftest import CALLBACK, ISSUER, SECRET, VERIFIER, Site


class Session:
    """Carries the requests of authlib's client."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def post(
        self, url: str, data: dict[str, str], headers: dict[str, str], auth: Any
    ) -> httpx2.Response:
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self._site.browser.post(url, content=body, headers=headers)


def test_authlib_signs_a_person_in(site: Site) -> None:
    metadata = site.browser.get(f"{ISSUER}/.well-known/openid-configuration").json()
    client = OAuth2Client(
        Session(site),
        client_id="web",
        client_secret=SECRET,
        scope="openid email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    subject = site.sign_in()
    endpoint = metadata["authorization_endpoint"]
    address, state = client.create_authorization_url(endpoint, nonce="n", code_verifier=VERIFIER)
    location = site.browser.get(address).headers["location"]
    answer = {"authorization_response": location, "state": state, "code_verifier": VERIFIER}
    tokens = client.fetch_token(metadata["token_endpoint"], **answer)
    assert _subject(site, metadata, tokens) == subject


def _subject(site: Site, metadata: dict[str, Any], tokens: dict[str, str]) -> object:
    """Validate an id token as OIDC Core §3.1.3.7 asks clients to."""
    keys = KeySet.import_key_set(site.browser.get(metadata["jwks_uri"]).json())
    algorithms = metadata["id_token_signing_alg_values_supported"]
    token = jwt.decode(tokens["id_token"], keys, algorithms=algorithms)
    must = {"iss": {"value": metadata["issuer"]}, "aud": {"value": "web"}}
    given = {"nonce": "n", "client_id": "web", "access_token": tokens["access_token"]}
    CodeIDToken(token.claims, token.header, must, given).validate(now=int(time.time()))
    return token.claims["sub"]
