"""Somebody who forgot the password sets a new one."""

import pytest
from people import Person, Site
from sqlmodel import select

from idp.storage.tables import BrowserSession, Message, MessageState

EMAIL = "alice@example.test"
OLD = "four quiet herons wade"
NEW = "nine loud geese depart"


@pytest.fixture(autouse=True)
def account(site: Site) -> None:
    site.add_user(EMAIL, site.hash_password(OLD))


def prove(person: Person) -> None:
    person.open("/forgot-password")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))


def test_a_new_password_replaces_the_old_one(person: Person) -> None:
    prove(person)
    person.fill(new_password=NEW)
    assert person.page.url.path == "/sign-in/password"
    assert "Your password was changed" in person.page.text
    person.fill(email=EMAIL, password=OLD)
    assert person.page.status_code == 422
    person.fill(email=EMAIL, password=NEW)
    assert person.page.url.path == "/account"


def test_it_ends_every_session(site: Site, person: Person) -> None:
    elsewhere = site.person()
    elsewhere.open("/sign-in/password")
    elsewhere.fill(email=EMAIL, password=OLD)
    prove(person)
    person.fill(new_password=NEW)
    assert site.work(lambda session: session.exec(select(BrowserSession)).all()) == []
    assert elsewhere.open("/account").url.path == "/sign-in"


@pytest.mark.parametrize(
    ("password", "reason"),
    [("short", "too easy to guess"), (EMAIL, "too easy to guess"), (OLD, "the password you have")],
)
def test_a_bad_choice_is_refused_with_the_reason(
    person: Person, password: str, reason: str
) -> None:
    prove(person)
    person.fill(new_password=password)
    assert person.page.status_code == 422
    assert reason in person.page.text


def test_an_unknown_address_gets_the_same_page_and_no_mail(site: Site, person: Person) -> None:
    person.open("/forgot-password")
    known = person.fill(email=EMAIL)
    person.open("/forgot-password")
    unknown = person.fill(email="nobody@example.test")
    assert unknown.status_code == known.status_code
    assert "nobody@example.test" in unknown.text
    states = site.work(lambda session: session.exec(select(Message.state)).all())
    assert MessageState.CANCELLED in states
    assert [mail.recipient for mail in person.mails(EMAIL)] == [EMAIL]


def test_the_new_password_cannot_be_set_before_the_code(person: Person) -> None:
    person.open("/forgot-password")
    person.fill(email=EMAIL)
    code_page = person.page.url.path
    person.page = person.client.post(
        code_page.replace("/code", "/new-password"), data={"new_password": NEW}
    )
    assert person.page.url.path == code_page
