"""A browser set to each language: every page speaks it, and fits a small phone in it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect
from running_demo import RunningDemo
from tour import OVERFLOWS, PASSWORD, Tour

from idp.web.i18n import LOCALES, catalogue

pytestmark = pytest.mark.browser

Step = tuple[str, str, Callable[[], None]]
"""The address to open, if any, the heading expected, and what the person does there."""


@pytest.mark.parametrize("locale", LOCALES)
def test_a_person_registers_in_their_language(
    browser: Browser, demo: RunningDemo, locale: str
) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 320, "height": 640})
    tour = Tour(context.new_page(), demo)
    say = catalogue(locale).gettext
    tour.go("/register")
    for heading, go_on in (
        ("Create an account", tour.send_address),
        ("Enter your code", tour.type_code),
        ("Your account", tour.page.reload),
    ):
        expect(tour.page.get_by_role("heading", level=1)).to_have_text(say(heading))
        expect(tour.page.locator("html")).to_have_attribute("lang", locale)
        assert not tour.page.evaluate(OVERFLOWS)
        go_on()
    assert demo.wait_for_mail(tour.email, 1).headers["Content-Language"] == locale
    context.close()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_person_comes_back_and_replaces_a_password_in_their_language(
    browser: Browser, demo: RunningDemo, locale: str
) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 320, "height": 640})
    tour = Tour(context.new_page(), demo)
    tour.give_address("/register")
    tour.type_code()
    say = catalogue(locale).gettext
    for path, heading, go_on in _way_back(tour):
        if path:
            tour.go(path)
        expect(tour.page.get_by_role("heading", level=1)).to_have_text(say(heading))
        expect(tour.page.locator("html")).to_have_attribute("lang", locale)
        assert not tour.page.evaluate(OVERFLOWS)
        go_on()
    expect(tour.page.get_by_role("heading", level=1)).to_have_text(say("Your account"))
    languages = {mail.headers["Content-Language"] for mail in demo.inbox(tour.email)}
    assert languages == {locale}
    context.close()


def _way_back(tour: Tour) -> list[Step]:
    """Sign out, come back by code, sign out, replace the password, come back with it."""
    return [
        ("/oidc/logout", "Sign out", tour.send),
        ("/sign-in", "Sign in", tour.send_address),
        ("", "Enter your code", tour.type_code),
        ("/oidc/logout", "Sign out", tour.send),
        ("/forgot-password", "Set a new password", tour.send_address),
        ("", "Enter your code", tour.type_code),
        ("", "Choose a new password", lambda: tour.send(new_password=PASSWORD)),
        ("", "Sign in with your password", lambda: tour.send(email=tour.email, password=PASSWORD)),
    ]
