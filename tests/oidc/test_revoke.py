"""Revocation (RFC 7009): what ends with a token, and who may end it."""

import pytest

from tests.oidc.conftest import SECRET, Site


def test_with_a_refresh_token_everything_of_its_grant_ends(site: Site) -> None:
    tokens = site.tokens()
    later = site.refresh(tokens["refresh_token"]).json()
    response = site.call("revoke", "web", token=later["refresh_token"])
    assert (response.status_code, response.content) == (200, b"")
    assert site.refresh(later["refresh_token"]).json()["error"] == "invalid_grant"
    for each in (tokens, later):
        assert site.userinfo(each["access_token"]).status_code == 401


def test_an_access_token_ends_alone(site: Site) -> None:
    tokens = site.tokens()
    site.call("revoke", "web", token=tokens["access_token"], token_type_hint="refresh_token")
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.introspect(tokens["access_token"]) == {"active": False}
    assert site.refresh(tokens["refresh_token"]).status_code == 200


def test_a_public_client_revokes_its_own(site: Site) -> None:
    form = {"client_id": "native"}
    authorization_code = site.authorization_code(**form)
    tokens = site.exchange(authorization_code, **form).json()
    sent = {**form, "token": tokens["refresh_token"]}
    assert site.browser.post("/oidc/revoke", data=sent).status_code == 200
    assert site.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_another_client_ends_nothing(site: Site, name: str) -> None:
    tokens = site.tokens()
    response = site.call("revoke", "other", token=tokens[name])
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    assert site.introspect(tokens[name])["active"]


def test_what_is_unknown_or_ended_is_as_good_as_revoked(site: Site) -> None:
    access_token = site.tokens()["access_token"]
    for presented in (access_token, access_token, "unknown"):
        assert site.call("revoke", "web", token=presented).status_code == 200


def test_nobody_revokes_without_proving_who_they_are(site: Site) -> None:
    tokens = site.tokens()
    response = site.browser.post("/oidc/revoke", data={"token": tokens["access_token"]})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert site.introspect(tokens["access_token"])["active"]


@pytest.mark.parametrize("form", [{}, {"token": ["a", "b"]}])
def test_a_wrong_request_is_refused(site: Site, form: dict[str, list[str]]) -> None:
    response = site.browser.post("/oidc/revoke", data=form, auth=("web", SECRET))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_signing_out_ends_what_was_granted_for_the_session(site: Site) -> None:
    for_ever = site.tokens()
    online = site.tokens(scope="openid")
    page = site.browser.get("/oidc/logout", params={"id_token_hint": online["id_token"]})
    assert page.status_code == 200
    assert site.userinfo(online["access_token"]).status_code == 401
    assert site.userinfo(for_ever["access_token"]).status_code == 200
