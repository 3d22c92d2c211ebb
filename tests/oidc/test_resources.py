"""Access tokens for APIs (RFC 8707, RFC 9068): who gets one, and what an API reads in it."""

import time
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.oidc.access_token import save_api
from idp.oidc.client_metadata import TOKEN_EXCHANGE
from idp.oidc.token_exchange import ACCESS_TOKEN
from tests.oidc.conftest import CALLBACK, ISSUER, SECRET, Site, answered, register

API = "https://api.example/"
SCOPE = "openid offline_access read:orders read:mail"


@pytest.fixture
def shop(site: Site) -> Site:
    """A site with an API, a client that may use it, and a service behind that API."""
    site.work(save_api, API, "Orders", "read:orders write:orders")
    site.work(save_api, "https://mail.example/", "Mail", "read:mail")
    common: dict[str, Any] = {"secret": SECRET, "redirect_uris": [CALLBACK]}
    site.work(register, client_id="shop", name="Shop", scope=SCOPE, **common)
    exchanges = {"grant_types": [TOKEN_EXCHANGE], "scope": f"{SCOPE} write:orders"}
    site.work(register, client_id="service", name="Service", **common, **exchanges)
    return site


def _redeem(site: Site, *, asked_for: str | None = API, **form: str) -> dict[str, Any]:
    changes = {"client_id": "shop", "scope": SCOPE, "resource": asked_for}
    authorization_code = site.authorization_code(**changes)
    given = {"client_id": "shop", "client_secret": SECRET, **form}
    answer: dict[str, Any] = site.exchange(authorization_code, **given).json()
    return answer


def _read(site: Site, access_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read an access token as an API does, with nothing but the published keys."""
    keys = KeySet.import_key_set(site.browser.get("/oidc/jwks").json())
    token = jwt.decode(access_token, keys, algorithms=["RS256"])
    return token.header, token.claims


def test_an_api_reads_its_access_token_without_asking(shop: Site) -> None:
    tokens = _redeem(shop, resource=API)
    header, claims = _read(shop, tokens["access_token"])
    assert header["typ"] == "at+jwt"
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, API, "shop")
    assert (claims["scope"], tokens["scope"]) == ("read:orders", "read:orders")
    assert claims["sub"] == shop.claims(tokens["id_token"])["sub"]
    assert claims["exp"] == pytest.approx(time.time() + 3600, abs=3)
    assert {"iat", "jti", "auth_time", "amr"} <= set(claims)


def test_an_access_token_is_for_one_place(shop: Site) -> None:
    for_api = _redeem(shop, resource=API)["access_token"]
    assert shop.userinfo(for_api).status_code == 401
    assert shop.introspect(for_api)["aud"] == API
    for_us = _redeem(shop)["access_token"]
    assert shop.userinfo(for_us).status_code == 200
    assert "aud" not in shop.introspect(for_us)


def test_a_refresh_may_name_the_api(shop: Site) -> None:
    client = {"client_id": "shop", "client_secret": SECRET}
    refresh_token = _redeem(shop)["refresh_token"]
    refreshed = shop.refresh(refresh_token, resource=API, **client).json()
    assert _read(shop, refreshed["access_token"])[1]["aud"] == API
    other = shop.refresh(refreshed["refresh_token"], resource="https://mail.example/", **client)
    assert other.json()["error"] == "invalid_target"


@pytest.mark.parametrize("resource", ["https://mail.example/", "https://nobody.example/"])
def test_an_api_the_authorization_did_not_name_gets_nothing(shop: Site, resource: str) -> None:
    assert _redeem(shop, resource=resource)["error"] == "invalid_target"
    assert _redeem(shop, asked_for=None, resource=API)["error"] == "invalid_target"


def test_a_machine_gets_an_access_token_for_an_api(shop: Site) -> None:
    machine: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "read:orders"}
    shop.work(register, client_id="job", name="Job", redirect_uris=[], secret=SECRET, **machine)
    form = {"grant_type": "client_credentials", "resource": API, "scope": "read:orders"}
    claims = _read(shop, shop.call("token", "job", **form).json()["access_token"])[1]
    assert (claims["sub"], claims["client_id"]) == ("job", "job")
    assert "auth_time" not in claims


def _exchange(site: Site, subject_token: str, **changes: str) -> httpx2.Response:
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": subject_token, "resource": API}
    form |= {"subject_token_type": ACCESS_TOKEN, **changes}
    return site.call("token", form.pop("as_client", "service"), **form)


def test_a_service_acts_for_the_person_of_a_token(shop: Site) -> None:
    tokens = _redeem(shop)
    answer = _exchange(shop, tokens["access_token"], scope="read:orders").json()
    assert answer["issued_token_type"] == ACCESS_TOKEN
    claims = _read(shop, answer["access_token"])[1]
    assert claims["sub"] == shop.claims(tokens["id_token"])["sub"]
    assert (claims["client_id"], claims["scope"]) == ("service", "read:orders")
    assert "refresh_token" not in answer


def test_both_tokens_end_together(shop: Site) -> None:
    tokens = _redeem(shop)
    exchanged = _exchange(shop, tokens["access_token"]).json()["access_token"]
    assert shop.introspect(exchanged)["active"]
    shop.call("revoke", "shop", token=tokens["refresh_token"])
    assert shop.introspect(exchanged) == {"active": False}
    assert _exchange(shop, tokens["access_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "read:orders write:orders"}, "invalid_scope"),
        ({"subject_token": "unknown"}, "invalid_grant"),
        ({"subject_token": ""}, "invalid_grant"),
        ({"subject_token_type": "urn:example"}, "invalid_request"),
        ({"requested_token_type": "urn:example"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "x"}, "invalid_target"),
        ({"resource": "https://nobody.example/"}, "invalid_target"),
        ({"as_client": "shop"}, "unauthorized_client"),
    ],
)
def test_a_wrong_exchange_is_refused(shop: Site, changes: dict[str, str], error: str) -> None:
    subject_token = changes.pop("subject_token", None)
    if subject_token is None:
        subject_token = _redeem(shop)["access_token"]
    response = _exchange(shop, subject_token, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.parametrize("identifier", ["orders", "https://api.example/#x", "https://a b/"])
def test_an_api_is_named_by_an_absolute_uri(site: Site, identifier: str) -> None:
    with pytest.raises(ValueError, match="absolute URI"):
        site.work(save_api, identifier, "Orders", "")


def test_a_request_may_name_several_apis(shop: Site) -> None:
    query = shop.authorize(client_id="shop", scope=SCOPE).request.url.params
    shop.sign_in()
    apis = [API, "https://mail.example/"]
    asked = httpx2.QueryParams([*query.multi_items(), *(("resource", api) for api in apis)])
    code = answered(shop.browser.get("/oidc/authorize", params=asked))["code"]
    given = {"client_id": "shop", "client_secret": SECRET}
    tokens = shop.exchange(code, resource=API, **given).json()
    assert _read(shop, tokens["access_token"])[1]["aud"] == API
    refreshed = shop.refresh(tokens["refresh_token"], resource=apis[1], **given).json()
    assert _read(shop, refreshed["access_token"])[1]["aud"] == apis[1]


def test_an_access_token_is_for_one_api(shop: Site) -> None:
    form = {"grant_type": "client_credentials", "resource": [API, "https://mail.example/"]}
    answer = shop.browser.post("/oidc/token", data=form, auth=("machine", SECRET))
    assert answer.json()["error"] == "invalid_target"


def test_an_unknown_api_is_refused_before_anybody_is_asked(shop: Site) -> None:
    unknown = "https://nobody.example/"
    response = shop.authorize(client_id="shop", scope=SCOPE, resource=unknown)
    assert answered(response)["error"] == "invalid_target"
    form = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    pushed = shop.call("par", "old", **form, resource=unknown)
    assert pushed.json()["error"] == "invalid_target"
    assert shop.call("par", "old", **form, resource=API).status_code == 201
