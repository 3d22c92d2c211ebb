"""What a client learns: claims by scope, claims asked for one by one, acr."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.oidc.claims import CLAIMS_BY_SCOPE, ClaimsRequest
from idp.storage.tables import Client, User
from tests.oidc.conftest import Site, answered

EVERY_CLAIM = {
    **{name: f"my {name}" for name in CLAIMS_BY_SCOPE["profile"]},
    "address": {"formatted": "1 Main Street"},
    "phone_number": "+49 30 1",
    "phone_number_verified": True,
}


def _userinfo(site: Site, **changes: str) -> dict[str, Any]:
    told: dict[str, Any] = site.userinfo(site.tokens(**changes)["access_token"]).json()
    return told


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone"])
def test_every_standard_claim_of_a_scope_is_told(site: Site, scope: str) -> None:
    site.change(User, claims=EVERY_CLAIM)
    told = _userinfo(site, scope=f"openid {scope}")
    assert set(told) == {"sub", *CLAIMS_BY_SCOPE[scope]}


def test_a_claim_nobody_has_told_us_is_left_out(site: Site) -> None:
    assert set(_userinfo(site, scope="openid phone")) == {"sub"}


@pytest.mark.parametrize("wanted", [None, {"essential": True}, {"value": "x"}, {}])
def test_a_claim_asked_for_by_name_is_told_at_userinfo(site: Site, wanted: object) -> None:
    claims = json.dumps({"userinfo": {"given_name": wanted}})
    told = _userinfo(site, scope="openid", claims=claims)
    assert told["given_name"] == "Alice"
    assert "name" not in told


def test_a_claim_asked_for_by_name_is_told_in_the_id_token(site: Site) -> None:
    claims = json.dumps({"id_token": {"email": {"essential": True}, "auth_time": None}})
    tokens = site.tokens(scope="openid", claims=claims)
    assert site.claims(tokens["id_token"])["email"] == "alice@example.com"
    assert "email" not in site.userinfo(tokens["access_token"]).json()


def test_nobody_overrides_what_an_id_token_says_of_itself(site: Site) -> None:
    claims = json.dumps({"id_token": {"sub": None, "iss": {"value": "x"}, "exp": {"value": 9}}})
    told = site.claims(site.tokens(claims=claims)["id_token"])
    assert told["iss"] == site.provider.settings.issuer


def test_unknown_claims_and_members_are_ignored(site: Site) -> None:
    claims = json.dumps({"userinfo": {"shoe_size": None}, "elsewhere": 1, "id_token": None})
    assert "shoe_size" not in _userinfo(site, claims=claims)


def test_a_client_gets_no_claim_of_a_scope_it_may_not_ask_for(site: Site) -> None:
    site.change(Client, scope="openid")
    claims = json.dumps({"userinfo": {"email": {"essential": True}}})
    assert "email" not in _userinfo(site, scope="openid", claims=claims)


def test_claims_survive_a_refresh(site: Site) -> None:
    claims = json.dumps({"id_token": {"email": None}, "userinfo": {"address": None}})
    site.change(User, claims=EVERY_CLAIM)
    tokens = site.tokens(scope="openid offline_access", claims=claims, acr_values="1")
    refreshed = site.refresh(tokens["refresh_token"]).json()
    told = site.claims(refreshed["id_token"])
    assert (told["email"], told["acr"]) == ("alice@example.com", "1")
    assert "address" in site.userinfo(refreshed["access_token"]).json()


def test_a_client_may_want_one_person_only(site: Site) -> None:
    alice = site.sign_in()
    claims = json.dumps({"id_token": {"sub": {"value": alice}}})
    assert "code" in answered(site.authorize(prompt="none", claims=claims))
    site.sign_in("bob@example.com", ago=1)
    answer = answered(site.authorize(prompt="none", claims=claims))
    assert answer["error"] == "login_required"
    assert "interaction" in answered(site.authorize(claims=claims))


@pytest.mark.parametrize(
    ("changes", "acr"),
    [
        ({}, None),
        ({"acr_values": "urn:example:gold 1"}, "1"),
        ({"acr_values": "urn:example:gold"}, None),
        ({"claims": '{"id_token": {"acr": {"essential": true}}}'}, "1"),
        ({"claims": '{"id_token": {"acr": {"values": ["2", "1"]}}}'}, "1"),
        ({"claims": '{"id_token": {"acr": {"value": "2"}}}'}, None),
    ],
)
def test_the_acr_is_told_to_who_asks(site: Site, changes: dict[str, str], acr: str | None) -> None:
    assert site.claims(site.tokens(**changes)["id_token"]).get("acr") == acr


def test_an_essential_acr_out_of_reach_is_an_error(site: Site) -> None:
    site.sign_in()
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["gold"]}}})
    answer = answered(site.authorize(claims=claims))
    assert answer["error"] == "unmet_authentication_requirements"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
PLACES = st.sampled_from(["userinfo", "id_token", "x"])
NAMES = st.sampled_from(["name", "sub", "acr", "address", "x"])
REQUESTS = st.dictionaries(PLACES, st.dictionaries(NAMES, JSON) | JSON)


@settings(max_examples=100)
@given(asked=REQUESTS | JSON)
def test_any_json_is_read_or_refused(asked: object) -> None:
    try:
        request = ClaimsRequest.read(json.dumps(asked))
    except ValueError:
        return
    assert set(request.names("openid profile")) == {"userinfo", "id_token"}
    assert all(isinstance(value, str) for value in request.wanted_values("acr"))
    assert request.is_essential("acr") in {True, False}
