"""Who has a password turns the code after it on and off."""

from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, col, select, update

from idp.connector_kit import UsageType
from idp.storage.tables import BrowserSession, Message, User, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
PAGE = "/account/second-step"


@pytest.fixture
def person(site: Site) -> Person:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    person = site.person()
    person.sign_in(EMAIL, PASSWORD)
    return person


def is_on(session: Session) -> bool:
    return session.exec(select(User.second_step_by_mail)).one()


def usage_types(session: Session) -> list[str]:
    return list(session.exec(select(Message.usage_type).order_by(col(Message.id))))


def forget_proof(session: Session) -> None:
    session.exec(update(BrowserSession).values(proven_at=now() - timedelta(hours=1)))


def turn_on(person: Person, mails: int = 1) -> None:
    person.open(PAGE)
    person.press("")
    person.fill(verification_code=person.verification_code(EMAIL, mails))


def test_it_is_on_once_the_mailed_code_is_typed(site: Site, person: Person) -> None:
    person.open(PAGE)
    person.press("")
    assert person.page.url.path.startswith("/challenges/")
    assert not site.work(is_on)
    assert site.work(usage_types) == [UsageType.BIND_MFA]
    person.fill(verification_code=person.verification_code(EMAIL))
    assert (person.page.url.path, site.work(is_on)) == ("/account", True)


def test_the_next_sign_in_asks_for_a_code_after_the_password(site: Site, person: Person) -> None:
    turn_on(person)
    other = site.person()
    assert other.sign_in(EMAIL, PASSWORD).url.path.startswith("/challenges/")
    other.fill(verification_code=other.verification_code(EMAIL, 2))
    assert other.page.url.path == "/account"
    assert site.work(usage_types)[:2] == [UsageType.BIND_MFA, UsageType.MFA_VERIFICATION]


def test_turning_it_off_needs_a_fresh_proof(site: Site, person: Person) -> None:
    turn_on(person)
    site.work(forget_proof)
    assert "Confirm that it is you" in person.client.post(PAGE).text
    assert site.work(is_on)
    person.open(PAGE)
    person.press("/account/confirm")
    person.fill(verification_code=person.verification_code(EMAIL, 2))
    assert person.page.url.path == PAGE
    assert person.press("").url.path == "/account"
    assert not site.work(is_on)


def test_where_it_is_a_duty_or_not_offered_there_is_no_choice(site: Site, person: Person) -> None:
    site.set_experience(mfa={"policy": "Mandatory"})
    assert "always on here" in person.open("/account").text
    assert person.open(PAGE).url.path == "/account"
    site.set_experience(mfa={"factors": [], "policy": "NoPrompt"})
    assert "after the password" not in person.open("/account").text
    assert person.client.post(PAGE).url.path == "/account"
    assert person.inbox(EMAIL) == []


def test_without_a_password_there_is_nothing_to_come_second_to(site: Site, person: Person) -> None:
    site.work(lambda session: session.exec(update(User).values(password_hash=None)))
    assert "after the password" not in person.open("/account").text
    assert person.open(PAGE).url.path == "/account"


def test_a_code_mailed_to_an_address_left_since_turns_nothing_on(
    site: Site, person: Person
) -> None:
    person.open(PAGE)
    person.press("")
    typed = person.verification_code(EMAIL)
    moved = update(User).where(col(User.email) == EMAIL).values(email_key="new@example.test")
    site.work(lambda session: session.exec(moved))
    assert person.fill(verification_code=typed).status_code == 410
    assert not site.work(is_on)
