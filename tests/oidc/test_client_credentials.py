"""The client credentials grant (RFC 6749 §4.4): a client that acts for itself."""

import pytest

from tests.oidc.conftest import Site


def test_a_machine_gets_an_access_token_and_nothing_else(site: Site) -> None:
    response = site.client_credentials(scope="read:things")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"access_token", "token_type", "expires_in", "scope"}
    assert response.json()["scope"] == "read:things"


def test_without_a_scope_it_gets_none(site: Site) -> None:
    assert site.client_credentials().json()["scope"] == ""


@pytest.mark.parametrize("scope", ["openid", "offline_access", "write:things", "read:things email"])
def test_it_gets_no_scope_of_a_person_or_of_others(site: Site, scope: str) -> None:
    response = site.client_credentials(scope=scope)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")


def test_there_is_nobody_at_userinfo(site: Site) -> None:
    access_token = site.client_credentials().json()["access_token"]
    assert site.userinfo(access_token).status_code == 401


def test_a_client_that_was_not_registered_for_it_is_refused(site: Site) -> None:
    response = site.call("token", "web", grant_type="client_credentials")
    assert response.json()["error"] == "unauthorized_client"
