"""Somebody changes their password, or sets a first one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, now

EMAIL = "alice@example.test"
OLD = "four quiet herons wade"
NEW = "nine loud geese depart"


@pytest.fixture
def alice(site: Site, person: Person) -> Person:
    site.add_user(EMAIL, site.hash_password(OLD))
    person.sign_in(EMAIL, OLD)
    return person


def leave_alone(session: Session) -> None:
    for row in session.exec(select(BrowserSession)):
        row.proven_at = now() - timedelta(minutes=11)


def test_a_new_password_signs_out_everywhere_else_and_is_told_by_mail(
    site: Site, alice: Person
) -> None:
    elsewhere = site.person()
    elsewhere.sign_in(EMAIL, OLD)
    alice.open("/account/password")
    alice.fill(new_password=NEW)
    assert "Your password is saved" in alice.page.text
    assert elsewhere.open("/account").url.path == "/sign-in"
    assert alice.open("/account").url.path == "/account"
    notice = alice.mails(EMAIL, count=2)[-1]
    assert notice.subject == "Your password was changed"
    assert "/forgot-password" in notice.text
    assert elsewhere.sign_in(EMAIL, OLD).status_code == 422
    assert elsewhere.sign_in(EMAIL, NEW).url.path == "/account"


@pytest.mark.parametrize(
    ("password", "reason"),
    [("short", "too easy to guess"), (EMAIL, "too easy to guess"), (OLD, "the password you have")],
)
def test_a_bad_choice_is_refused_with_the_reason(alice: Person, password: str, reason: str) -> None:
    alice.open("/account/password")
    assert alice.fill(new_password=password).status_code == 422
    assert reason in alice.page.text


def test_a_browser_left_open_needs_the_password_before(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.open("/account/password")
    alice.fill(password=NEW, new_password=NEW)
    assert "not the password you have now" in alice.page.text
    alice.fill(password=OLD, new_password=NEW)
    assert "Your password is saved" in alice.page.text


def test_who_forgot_it_proves_the_address_instead(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.open("/account/confirm?next=/account/password")
    alice.press("/account/confirm")
    alice.fill(verification_code=alice.verification_code(EMAIL))
    alice.fill(new_password=NEW)
    assert "Your password is saved" in alice.page.text


def test_guessing_the_password_before_is_slowed_down(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.open("/account/password")
    for _ in range(20):
        alice.fill(password="wrong", new_password=NEW)
    alice.fill(password=OLD, new_password=NEW)
    assert alice.page.status_code == 429
    assert int(alice.page.headers["Retry-After"]) > 0


def test_who_has_none_sets_a_first_one(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    person.open("/sign-in")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    site.work(leave_alone)
    person.open("/account/password")
    assert "Confirm that it is you" in person.page.text
    person.client.post("/account/password", data={"new_password": NEW})
    person.press("/account/confirm")
    person.fill(verification_code=person.verification_code(EMAIL, count=2))
    person.fill(new_password=NEW)
    assert site.person().sign_in(EMAIL, NEW).url.path == "/account"


def test_a_flood_of_passwords_is_asked_to_come_back(make_site: Callable[..., Site]) -> None:
    site = make_site(password_queue=1, argon2_passes=20)
    people = [site.person() for _ in range(12)]
    with ThreadPoolExecutor(len(people)) as crowd:
        answers = list(crowd.map(lambda person: person.sign_in(EMAIL, OLD), people))
    busy = [answer for answer in answers if answer.status_code == 503]
    assert 0 < len(busy) < len(answers)
    assert {answer.headers["Retry-After"] for answer in busy} == {"5"}
    assert "try again in a moment" in busy[0].text
    assert people[0].sign_in(EMAIL, OLD).status_code == 422
