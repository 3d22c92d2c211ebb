"""Requests set aside while a person signs in: when, for whom, and how they go on."""

import pytest
from sqlmodel import Session, select

from idp.storage.tables import Interaction, User, now
from idp.web.cookies import browser_cookie
from tests.oidc.conftest import CALLBACK, Site, answered


def _ask(site: Site, **changes: str) -> str:
    """Send a request for which the person must act; return its interaction."""
    return answered(site.authorize(**changes))["interaction"]


def _goes_on(site: Site, interaction: str) -> bool:
    location = site.resume(interaction).headers["location"]
    return bool(location.startswith(f"{CALLBACK}?code="))


def test_a_stranger_signs_in_and_the_request_goes_on(site: Site) -> None:
    response = site.authorize()
    assert response.headers["location"].startswith("/sign-in?interaction=")
    interaction = answered(response)["interaction"]
    site.sign_in()
    answer = answered(site.resume(interaction))
    assert answer["state"] == "a state"
    tokens = site.exchange(answer["code"]).json()
    assert site.claims(tokens["id_token"])["nonce"] == "a-nonce"


def test_the_pages_learn_what_the_client_knows_of_the_person(site: Site) -> None:
    answer = answered(site.authorize(login_hint="alice+1@example.com", ui_locales="de en"))
    assert answer["login_hint"] == "alice+1@example.com"
    assert answer["ui_locales"] == "de en"


def test_prompt_create_starts_at_registration(site: Site) -> None:
    site.sign_in(ago=1)
    response = site.authorize(prompt="create")
    assert response.headers["location"].startswith("/register?interaction=")
    site.sign_in()
    assert _goes_on(site, answered(response)["interaction"])


@pytest.mark.parametrize(
    ("first_screen", "path"),
    [
        ("register", "/register"),
        ("sign_in", "/sign-in"),
        ("forgot_password", "/forgot-password"),
        ("reset_password", "/forgot-password"),
        ("https://evil.example/", "/sign-in"),
    ],
)
def test_the_client_may_choose_the_first_screen(site: Site, first_screen: str, path: str) -> None:
    location = site.authorize(first_screen=first_screen).headers["location"]
    assert location.partition("?")[0] == path


def test_a_person_who_did_not_sign_in_is_asked_again(site: Site) -> None:
    interaction = _ask(site)
    assert answered(site.resume(interaction))["interaction"] == interaction


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_sign_in_too_old_for_the_request_is_not_enough(
    site: Site, changes: dict[str, str]
) -> None:
    site.sign_in(ago=61)
    interaction = _ask(site, **changes)
    assert not _goes_on(site, interaction)
    site.sign_in()
    assert _goes_on(site, interaction)


def test_a_sign_in_within_max_age_is_enough(site: Site) -> None:
    site.sign_in(ago=50)
    assert "code" in answered(site.authorize(max_age="60"))


def test_prompt_none_never_shows_a_page(site: Site) -> None:
    assert answered(site.authorize(prompt="none"))["error"] == "login_required"
    site.sign_in(ago=61)
    assert answered(site.authorize(prompt="none", max_age="60"))["error"] == "login_required"
    assert "code" in answered(site.authorize(prompt="none"))


def test_prompt_none_with_a_hint_is_for_that_person_only(site: Site) -> None:
    hint = site.tokens()["id_token"]
    assert "code" in answered(site.authorize(prompt="none", id_token_hint=hint))
    site.sign_in("bob@example.com")
    answer = answered(site.authorize(prompt="none", id_token_hint=hint))
    assert answer["error"] == "login_required"


def test_somebody_else_than_hinted_may_change_places(site: Site) -> None:
    hint = site.tokens()["id_token"]
    site.sign_in("bob@example.com", ago=1)
    interaction = _ask(site, id_token_hint=hint)
    site.sign_in()
    assert _goes_on(site, interaction)


def test_signing_in_as_somebody_else_than_hinted_is_an_error(site: Site) -> None:
    hint = site.tokens()["id_token"]
    site.browser.cookies.clear()
    interaction = _ask(site, id_token_hint=hint)
    site.sign_in("bob@example.com")
    assert answered(site.resume(interaction))["error"] == "login_required"


def test_an_interaction_ends_with_its_answer(site: Site) -> None:
    interaction = _ask(site)
    site.sign_in()
    assert _goes_on(site, interaction)
    response = site.resume(interaction)
    assert response.status_code == 400
    assert "start again" in response.text


@pytest.mark.parametrize("cookie", ["of-another-browser", None])
def test_no_other_browser_can_go_on(site: Site, cookie: str | None) -> None:
    interaction = _ask(site)
    site.browser.cookies.clear()
    site.sign_in()
    if cookie:
        site.browser.cookies.set(browser_cookie(site.provider.settings).name, cookie)
    assert site.resume(interaction).status_code == 400


def test_an_interaction_expires(site: Site) -> None:
    interaction = _ask(site)
    site.sign_in()
    site.change(Interaction, expires_at=now())
    assert site.resume(interaction).status_code == 400


def test_a_browser_keeps_its_name_from_one_request_to_the_next(site: Site) -> None:
    _ask(site)
    _ask(site)

    def browsers(session: Session) -> list[str]:
        return [interaction.browser for interaction in session.exec(select(Interaction))]

    first, second = site.work(browsers)
    assert first == second


def test_a_suspended_person_is_signed_in_nowhere(site: Site) -> None:
    site.sign_in()
    site.change(User, suspended_at=now())
    assert "interaction" in answered(site.authorize())
