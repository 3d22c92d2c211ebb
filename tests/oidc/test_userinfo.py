"""The userinfo endpoint: which claims, and who may read them."""

from datetime import timedelta

import pytest

from idp.storage.tables import AccessToken, Grant, User, now
from tests.oidc.conftest import Site


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", {"sub"}),
        ("openid email", {"sub", "email", "email_verified"}),
        ("openid profile", {"sub", "name", "given_name", "locale", "updated_at"}),
    ],
)
def test_a_scope_opens_its_claims(site: Site, scope: str, claims: set[str]) -> None:
    response = site.userinfo(site.tokens(scope=scope)["access_token"])
    assert set(response.json()) == claims
    assert response.headers["cache-control"] == "no-store"


def test_the_claims_are_those_of_the_person(site: Site) -> None:
    subject = site.sign_in()
    answer = site.userinfo(site.tokens()["access_token"]).json()
    assert answer["sub"] == subject
    assert answer["name"] == "Alice Adams"
    assert (answer["email"], answer["email_verified"]) == ("alice@example.com", True)


def test_an_access_token_may_be_posted_in_the_header_or_the_form(site: Site) -> None:
    access_token = site.tokens()["access_token"]
    headers = {"Authorization": f"bearer {access_token}"}
    in_header = site.browser.post("/oidc/userinfo", headers=headers)
    in_form = site.browser.post("/oidc/userinfo", data={"access_token": access_token})
    assert in_header.json() == in_form.json() == site.userinfo(access_token).json()


def test_an_access_token_in_the_address_is_not_read(site: Site) -> None:
    address = f"/oidc/userinfo?access_token={site.tokens()['access_token']}"
    assert site.browser.get(address).status_code == 401


def test_another_scheme_is_not_read(site: Site) -> None:
    headers = {"Authorization": f"Basic {site.tokens()['access_token']}"}
    assert site.browser.get("/oidc/userinfo", headers=headers).status_code == 401


def test_a_request_without_an_access_token_learns_only_the_scheme(site: Site) -> None:
    response = site.browser.get("/oidc/userinfo")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="userinfo"'


def test_an_access_token_sent_in_two_ways_is_refused(site: Site) -> None:
    access_token = site.tokens()["access_token"]
    headers = {"Authorization": f"Bearer {access_token}"}
    form = {"access_token": access_token}
    response = site.browser.post("/oidc/userinfo", headers=headers, data=form)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (AccessToken, {"expires_at": now() - timedelta(seconds=1)}),
        (Grant, {"revoked_at": now()}),
        (User, {"suspended_at": now()}),
    ],
)
def test_an_access_token_that_ended_is_refused(
    site: Site, table: type[object], values: dict[str, object]
) -> None:
    access_token = site.tokens()["access_token"]
    site.change(table, **values)
    response = site.userinfo(access_token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_refresh_token_is_no_access_token(site: Site) -> None:
    assert site.userinfo(site.tokens()["refresh_token"]).status_code == 401
