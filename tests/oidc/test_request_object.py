"""Signed request objects (RFC 9101)."""

import time
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from idp.storage.tables import Client
from tests.oidc.conftest import CALLBACK, CHALLENGE, ISSUER, SECRET, Site, answered

KEY = ECKey.generate_key("P-256", auto_kid=True)
STRANGERS_KEY = ECKey.generate_key("P-256", {"kid": KEY.kid or ""})
REQUEST: dict[str, Any] = {
    "iss": "web",
    "aud": ISSUER,
    "client_id": "web",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "a signed state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def signing(site: Site) -> Site:
    """Return a site whose clients have registered a key, and a person who is signed in."""
    site.change(Client, jwks={"keys": [KEY.as_dict(private=False)]})
    site.sign_in()
    return site


def _sign(claims: dict[str, Any], key: Key = KEY, typ: str = "oauth-authz-req+jwt") -> str:
    header = {"alg": "RS256" if isinstance(key, RSAKey) else "ES256", "typ": typ}
    return jwt.encode(header, claims, key, algorithms=["ES256", "RS256"])


def _send(site: Site, request: str, **beside: str) -> httpx2.Response:
    query = {"client_id": "web", "redirect_uri": CALLBACK, "request": request, **beside}
    return site.browser.get("/oidc/authorize", params=query)


def test_a_signed_request_is_answered(signing: Site) -> None:
    answer = answered(_send(signing, _sign(REQUEST)))
    assert answer["state"] == "a signed state"
    assert signing.exchange(answer["code"]).json()["scope"] == "openid email"


def test_what_stands_beside_the_object_changes_nothing(signing: Site) -> None:
    beside = {"state": "forged", "scope": "openid profile", "redirect_uri": "https://evil.example/"}
    response = _send(signing, _sign(REQUEST), **beside)
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    assert answered(response)["state"] == "a signed state"


def test_values_may_be_json(signing: Site) -> None:
    claims = {"id_token": {"email": {"essential": True}}}
    answer = answered(_send(signing, _sign({**REQUEST, "claims": claims, "max_age": 1000})))
    tokens = signing.exchange(answer["code"]).json()
    assert signing.claims(tokens["id_token"])["email"] == "alice@example.com"


def test_it_waits_for_its_person(signing: Site) -> None:
    signing.browser.cookies.clear()
    interaction = answered(_send(signing, _sign(REQUEST)))["interaction"]
    signing.sign_in()
    assert answered(signing.resume(interaction))["state"] == "a signed state"


def test_it_may_be_pushed(signing: Site) -> None:
    signing.change(Client, jwks={"keys": [KEY.as_dict(private=False)]})
    form = {"request": _sign(REQUEST), "client_id": "web", "client_secret": SECRET}
    pushed = signing.browser.post("/oidc/par", data=form).json()
    query = {"client_id": "web", "request_uri": pushed["request_uri"]}
    answer = answered(signing.browser.get("/oidc/authorize", params=query))
    assert answer["state"] == "a signed state"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"iss": "other"},
        {"aud": "https://elsewhere.example"},
        {"aud": []},
        {"exp": int(time.time()) - 60},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 86400},  # far from when this was collected
        {"request": "x"},
        {"request_uri": "https://app.example/"},
    ],
)
def test_an_object_for_something_else_is_refused(signing: Site, changes: dict[str, Any]) -> None:
    answer = answered(_send(signing, _sign(REQUEST | changes)))
    assert answer["error"] == "invalid_request_object"


@pytest.mark.parametrize("forgery", ["foreign", "unsigned", "other kind", "nothing", "altered"])
def test_an_object_its_client_did_not_sign_is_refused(signing: Site, forgery: str) -> None:
    header, payload, signature = _sign(REQUEST).split(".")
    forged = {
        "foreign": _sign(REQUEST, STRANGERS_KEY),
        "unsigned": f"eyJhbGciOiJub25lIn0.{payload}.",
        "other kind": _sign(REQUEST, typ="logout+jwt"),
        "nothing": "x",
        "altered": f"{header}.{payload[:-4]}AAAA.{signature}",
    }
    answer = answered(_send(signing, forged[forgery]))
    assert answer["error"] == "invalid_request_object"


def test_a_wrong_request_in_a_right_object_is_told_to_the_client(signing: Site) -> None:
    answer = answered(_send(signing, _sign({**REQUEST, "response_type": "token"})))
    assert answer["error"] == "unsupported_response_type"
    evil = _sign({**REQUEST, "redirect_uri": "https://evil.example/"})
    assert _send(signing, evil).status_code == 400


def test_a_client_without_keys_cannot_sign(site: Site) -> None:
    site.sign_in()
    assert answered(_send(site, _sign(REQUEST)))["error"] == "request_not_supported"


def test_an_object_may_name_one_api_or_several(signing: Site) -> None:
    for resource in ("https://nobody.example/", ["https://nobody.example/", "https://no.example/"]):
        answer = answered(_send(signing, _sign({**REQUEST, "resource": resource})))
        assert answer["error"] == "invalid_target"
