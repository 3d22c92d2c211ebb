"""Somebody with an account signs in, by code or by password."""

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, User, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"


@pytest.fixture
def password(site: Site) -> str:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    return PASSWORD


def test_a_code_signs_in(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    person.open("/sign-in")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"
    assert EMAIL in person.page.text


def test_a_password_signs_in(person: Person, password: str) -> None:
    person.open("/sign-in/password")
    person.fill(email=EMAIL, password=password)
    assert person.page.url.path == "/account"


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.test", "not an address"])
def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    person: Person, password: str, email: str
) -> None:
    person.open("/sign-in/password")
    person.fill(email=email, password=password + "!")
    assert person.page.status_code == 422
    assert "The address or the password is not right." in person.page.text


def test_the_code_page_leads_to_the_password_with_the_address_filled_in(
    person: Person, password: str
) -> None:
    person.open("/sign-in")
    person.fill(email=EMAIL)
    flow = person.page.url.path.split("/")[2]
    person.open(f"/sign-in/password?flow={flow}")
    person.fill(password=password)
    assert person.page.url.path == "/account"


def test_an_unknown_address_is_offered_an_account_only_after_the_code(person: Person) -> None:
    person.open("/sign-in")
    person.fill(email="nobody@example.test")
    assert "no account" not in person.page.text.lower()
    person.fill(verification_code=person.verification_code("nobody@example.test"))
    assert "No account yet" in person.page.text
    person.press("")
    assert person.page.url.path == "/account"


def test_a_suspended_account_does_not_sign_in_with_a_password(
    site: Site, person: Person, password: str
) -> None:
    def suspend(session: Session) -> None:
        session.exec(select(User)).one().suspended_at = now()

    site.work(suspend)
    person.open("/sign-in/password")
    person.fill(email=EMAIL, password=password)
    assert person.page.status_code == 422


def test_signing_in_again_ends_the_session_before(
    site: Site, person: Person, password: str
) -> None:
    for _ in range(2):
        person.open("/sign-in/password")
        person.fill(email=EMAIL, password=password)
    sessions = site.work(lambda session: session.exec(select(BrowserSession)).all())
    assert len(sessions) == 1


def test_signing_out_ends_the_session(site: Site, person: Person, password: str) -> None:
    person.open("/sign-in/password")
    person.fill(email=EMAIL, password=password)
    person.press("/sign-out")
    assert person.open("/account").url.path == "/sign-in"
    assert site.work(lambda session: session.exec(select(BrowserSession)).all()) == []


def test_who_came_to_let_a_device_in_is_back_there_after_signing_in(
    person: Person, password: str
) -> None:
    person.open("/device?user_code=BCDF-GHJK")
    assert person.page.url.path == "/sign-in"
    person.open(f"/sign-in/password?{person.page.url.query.decode()}")
    person.fill(email=EMAIL, password=password)
    assert person.page.url.path == "/device"
    assert "BCDF-GHJK" in person.page.text
