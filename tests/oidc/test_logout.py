"""RP-initiated logout: when a person is asked, and where they go afterwards."""

import re

import httpx2
import pytest

from tests.oidc.conftest import Site, answered

HOME = "https://app.example/"


def _logout(site: Site, **parameters: str) -> httpx2.Response:
    return site.browser.get("/oidc/logout", params=parameters)


def _is_signed_in(site: Site) -> bool:
    return "code" in answered(site.authorize(prompt="none"))


def _confirm(site: Site, page: httpx2.Response) -> httpx2.Response:
    """Send the form of the confirmation page."""
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    return site.browser.post("/oidc/logout", data=fields)


def test_a_hint_signs_out_at_once_and_leads_back(site: Site) -> None:
    hint = site.tokens()["id_token"]
    home = {"post_logout_redirect_uri": HOME, "state": "a state"}
    response = _logout(site, id_token_hint=hint, **home)
    assert response.headers["location"] == f"{HOME}?state=a+state"
    assert "idp_session=" in response.headers["set-cookie"]
    assert not _is_signed_in(site)


def test_without_a_hint_the_person_is_asked(site: Site) -> None:
    site.sign_in()
    page = _logout(site)
    assert _is_signed_in(site)
    assert "You are signed out" in _confirm(site, page).text
    assert not _is_signed_in(site)


def test_a_client_id_leads_back_once_the_person_agreed(site: Site) -> None:
    site.sign_in()
    page = _logout(site, client_id="web", post_logout_redirect_uri=HOME, state="x")
    assert page.status_code == 200
    assert _confirm(site, page).headers["location"] == f"{HOME}?state=x"
    assert not _is_signed_in(site)


@pytest.mark.parametrize("confirmation", [{}, {"confirmation": "guessed"}])
def test_a_forged_form_only_asks(site: Site, confirmation: dict[str, str]) -> None:
    site.sign_in()
    page = site.browser.post("/oidc/logout", data=confirmation)
    assert "You are signed out" not in page.text
    assert _is_signed_in(site)


def test_a_confirmation_is_good_for_its_own_session_only(site: Site) -> None:
    site.sign_in("bob@example.com")
    page = _logout(site)
    site.sign_in()
    _confirm(site, page)
    assert _is_signed_in(site)


def test_a_hint_for_somebody_else_only_asks(site: Site) -> None:
    hint = site.tokens()["id_token"]
    site.sign_in("bob@example.com")
    _logout(site, id_token_hint=hint)
    assert _is_signed_in(site)


def test_a_hint_posted_from_the_site_of_the_client_ends_its_session(site: Site) -> None:
    hint = site.tokens()["id_token"]
    cookies = dict(site.browser.cookies)
    site.browser.cookies.clear()  # Browsers send no SameSite=Lax cookie along.
    site.browser.post("/oidc/logout", data={"id_token_hint": hint})
    site.browser.cookies.update(cookies)
    assert not _is_signed_in(site)


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token_hint": "altered"},
        {"client_id": "other"},
        {"client_id": "nobody"},
        {"post_logout_redirect_uri": f"{HOME}?more=1"},
        {"post_logout_redirect_uri": "https://evil.example/"},
    ],
)
def test_a_wrong_request_changes_nothing(site: Site, changes: dict[str, str]) -> None:
    good = {"id_token_hint": site.tokens()["id_token"], "post_logout_redirect_uri": HOME}
    response = _logout(site, **(good | changes))
    assert response.status_code == 400
    assert "location" not in response.headers
    assert _is_signed_in(site)


def test_a_forged_hint_does_not_even_ask(site: Site) -> None:
    site.sign_in()
    assert _logout(site, id_token_hint="altered").status_code == 400
    assert _is_signed_in(site)


def test_an_address_nobody_vouches_for_is_refused(site: Site) -> None:
    assert _logout(site, post_logout_redirect_uri=HOME).status_code == 400


def test_a_person_who_is_not_signed_in_is_not_asked(site: Site) -> None:
    assert "You are signed out" in _logout(site, state="x").text


def test_access_tokens_end_with_their_session(site: Site) -> None:
    tokens = site.tokens(scope="openid email")
    _logout(site, id_token_hint=tokens["id_token"])
    assert site.userinfo(tokens["access_token"]).status_code == 401


def test_offline_access_outlives_the_session(site: Site) -> None:
    tokens = site.tokens(scope="openid offline_access")
    _logout(site, id_token_hint=tokens["id_token"])
    assert site.userinfo(tokens["access_token"]).status_code == 200
    assert "access_token" in site.refresh(tokens["refresh_token"]).json()


def test_other_sessions_keep_their_tokens(site: Site) -> None:
    other = site.tokens(scope="openid")
    _logout(site, id_token_hint=site.tokens(scope="openid")["id_token"])
    assert site.userinfo(other["access_token"]).status_code == 200
