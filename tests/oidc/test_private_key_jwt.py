"""private_key_jwt (RFC 7523): a client signs who it is, for us, for a short time, and once."""

import time
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.oidc.client_assertion import ASSERTION_TYPE
from tests.oidc.conftest import ISSUER, SECRET, Site, register

KEY = ECKey.generate_key("P-256", auto_kid=True)
OTHER_KEY = ECKey.generate_key("P-256", auto_kid=True)


@pytest.fixture
def signer(site: Site) -> Site:
    jwks: Any = KeySet([KEY]).as_dict(private=False)
    grant_types = ["client_credentials"]
    signs: dict[str, Any] = {"redirect_uris": [], "jwks": jwks, "grant_types": grant_types}
    site.work(register, client_id="signer", name="Signer", **signs)
    return site


def _assertion(key: ECKey = KEY, algorithm: str = "ES256", **changes: Any) -> str:
    moment = int(time.time())
    claims = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": f"{time.time_ns()}"}
    claims |= {"iat": moment, "exp": moment + 60, **changes}  # type: ignore[dict-item]
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm, "kid": key.kid}, present, key)


def _ask(site: Site, assertion: str, **changes: str) -> httpx2.Response:
    form = {"grant_type": "client_credentials", "client_assertion": assertion}
    form |= {"client_assertion_type": ASSERTION_TYPE, **changes}
    return site.browser.post("/oidc/token", data=form)


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/oidc/token", [ISSUER, "https://b.test"]])
def test_a_client_signs_who_it_is(signer: Site, audience: object) -> None:
    assert _ask(signer, _assertion(aud=audience)).status_code == 200


def test_the_client_id_may_stand_beside_it(signer: Site) -> None:
    assert _ask(signer, _assertion(), client_id="signer").status_code == 200
    assert _ask(signer, _assertion(), client_id="web").json()["error"] == "invalid_request"


def test_an_assertion_is_good_for_one_request(signer: Site) -> None:
    assertion = _assertion()
    assert _ask(signer, assertion).status_code == 200
    again = _ask(signer, assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert "used before" in again.json()["error_description"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "web"},
        {"sub": "web", "iss": "web"},
        {"sub": None},
        {"aud": "https://elsewhere.test"},
        {"aud": None},
        {"aud": f"{ISSUER}/"},
        {"exp": None},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"exp": "soon"},
        {"nbf": 99_999_999_999},
        {"iat": 99_999_999_999},
        {"jti": None},
        {"jti": 7},
    ],
)
def test_an_assertion_that_says_something_else_is_refused(
    signer: Site, changes: dict[str, Any]
) -> None:
    response = _ask(signer, _assertion(**changes))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_the_signature_must_be_the_clients(signer: Site) -> None:
    assert _ask(signer, _assertion(key=OTHER_KEY)).json()["error"] == "invalid_client"
    header, claims, _ = _assertion().split(".")
    assert _ask(signer, f"{header}.{claims}.").json()["error"] == "invalid_client"


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "e30.e30.e30", "..", "e30.W10.e30"])
def test_what_is_no_assertion_is_refused(signer: Site, assertion: str) -> None:
    assert _ask(signer, assertion).json()["error"] == "invalid_client"


def test_another_type_of_assertion_is_refused(signer: Site) -> None:
    response = _ask(signer, _assertion(), client_assertion_type="urn:example:saml")
    assert response.json()["error"] == "invalid_request"


def test_a_client_with_a_key_has_no_secret(signer: Site) -> None:
    response = signer.call("token", "signer", grant_type="client_credentials")
    assert response.json()["error"] == "invalid_client"
    form = {"client_secret": SECRET, "client_id": "signer"}
    assert _ask(signer, _assertion(), **form).json()["error"] == "invalid_request"


def test_a_client_with_a_secret_has_no_key(signer: Site) -> None:
    response = _ask(signer, _assertion(iss="machine", sub="machine"))
    assert "no registered key" in response.json()["error_description"]


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": [KEY.as_dict(private=True)]}])
def test_only_public_keys_are_registered(site: Site, jwks: Any) -> None:
    with pytest.raises(ValueError, match="JWK Set"):
        site.work(register, name="Signer", redirect_uris=[], jwks=jwks or {"no": "keys"})
