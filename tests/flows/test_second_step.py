"""After a password, a code by mail, where the settings demand one."""

from collections.abc import Callable

import pytest
from people import Person, Site
from sqlmodel import select

from idp.storage.tables import BrowserSession

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    site = make_site(second_step_by_mail=True)
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    return site


def methods(site: Site) -> list[list[str]]:
    return site.work(lambda session: list(session.exec(select(BrowserSession.amr))))


def test_a_password_alone_opens_nothing(site: Site, person: Person) -> None:
    person.sign_in(EMAIL, PASSWORD)
    assert person.page.url.path.startswith("/challenges/")
    assert methods(site) == []
    assert person.open("/account").url.path == "/sign-in"


def test_password_and_code_sign_in_and_the_application_hears_of_both(
    site: Site, person: Person
) -> None:
    person.sign_in(EMAIL, PASSWORD)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"
    assert methods(site) == [["pwd", "otp", "mfa"]]


def test_a_mailed_code_is_no_second_factor_to_itself(site: Site, person: Person) -> None:
    person.open("/sign-in")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"
    assert methods(site) == [["otp"]]


def test_a_wrong_password_sends_no_code(person: Person) -> None:
    assert person.sign_in(EMAIL, PASSWORD + "!").status_code == 422
    assert person.inbox(EMAIL) == []


def test_the_code_belongs_to_the_browser_where_the_password_was_typed(
    site: Site, person: Person
) -> None:
    person.sign_in(EMAIL, PASSWORD)
    thief = site.person()
    stolen = {"verification_code": person.verification_code(EMAIL)}
    assert thief.client.post(person.page.url.path, data=stolen).status_code == 410
    assert methods(site) == []


def test_the_page_reloads_waits_and_finds_back_after_the_end(site: Site, person: Person) -> None:
    person.sign_in(EMAIL, PASSWORD)
    page = person.page.url.path
    assert person.open(page).status_code == 200
    person.press("/resend")
    assert person.page.status_code == 429
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.open(page).url.path == "/account"
    again = person.client.post(page, data={"verification_code": "000000"})
    assert again.url.path == "/account"
    assert len(methods(site)) == 1


def test_after_five_wrong_codes_the_right_one_is_refused(site: Site, person: Person) -> None:
    person.sign_in(EMAIL, PASSWORD)
    page = person.page.url.path
    right = person.verification_code(EMAIL)
    for _ in range(5):
        person.fill(verification_code=f"{(int(right) + 1) % 1_000_000:06}")
    assert "start again" in person.page.text
    assert person.client.post(page, data={"verification_code": right}).status_code == 422
    assert methods(site) == []
