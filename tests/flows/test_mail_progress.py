"""The code page says how far the mail is, and never whether there is an account."""

from datetime import timedelta
from typing import Any

import pytest
from people import Person, Site
from sqlmodel import Session, col, delete, select

from idp.storage.tables import Message, MessageState, Verification, now

EMAIL = "alice@example.test"
ON_ITS_WAY, SENT = "The mail is on its way.", "The mail was sent."
DELAYED = "Mails are delayed at the moment. We keep trying."
FAILED = "The mail could not be delivered. Please check the address."


def asked(person: Person, path: str, email: str = EMAIL) -> Person:
    person.open(path)
    person.fill(email=email)
    return person


def later(site: Site, seconds: float = 6, **values: Any) -> None:
    """Let time pass since the mails were promised, and give them these values."""

    def change(session: Session) -> None:
        for verification in session.exec(select(Verification)):
            verification.sent_at -= timedelta(seconds=seconds)
        for message in session.exec(select(Message)):
            message.created_at -= timedelta(seconds=seconds)
            for name, value in values.items():
                setattr(message, name, value)

    site.work(change)


def progress(person: Person) -> dict[str, str]:
    """Ask as the script does."""
    answer = person.client.get(str(person.page.url.path).replace("/code", "/mail"))
    assert answer.status_code == 200
    told: dict[str, str] = answer.json()
    return told


WAITING = {"state": MessageState.PROMISED, "due_at": now() + timedelta(minutes=9)}


@pytest.mark.parametrize("path", ["/register", "/sign-in"])
@pytest.mark.parametrize(
    ("values", "seconds", "state", "text"),
    [
        (WAITING, 6, "queued", ON_ITS_WAY),
        (WAITING, 11, "delayed", DELAYED),
        ({"state": MessageState.SENT}, 6, "accepted", SENT),
        ({"state": MessageState.FAILED}, 6, "failed", FAILED),
    ],
)
def test_a_reload_and_the_script_show_the_same(
    site: Site,
    person: Person,
    path: str,
    values: dict[str, Any],
    seconds: float,
    state: str,
    text: str,
) -> None:
    asked(person, path).mails(EMAIL)
    later(site, seconds, **values)
    assert progress(person) == {"state": state, "text": text}
    assert text in person.open(str(person.page.url)).text


def test_the_page_is_the_same_for_the_first_seconds(site: Site, person: Person) -> None:
    asked(person, "/sign-in").mails(EMAIL)
    later(site, 1, state=MessageState.FAILED)
    assert progress(person)["state"] == "queued"
    assert ON_ITS_WAY in person.open(str(person.page.url)).text


def test_a_forgotten_password_shows_the_same_with_and_without_an_account(site: Site) -> None:
    site.add_user(EMAIL)
    known = asked(site.person(), "/forgot-password", EMAIL)
    unknown = asked(site.person(), "/forgot-password", "nobody@example.test")
    known.mails(EMAIL)
    for state in MessageState:
        later(site, state=state, due_at=now() + timedelta(minutes=9))
        assert progress(known) == progress(unknown) == {"state": "queued", "text": ON_ITS_WAY}


def test_a_forgotten_password_shows_that_mails_are_late_in_general(site: Site) -> None:
    person = asked(site.person(), "/forgot-password")
    asked(site.person(), "/sign-in", "bob@example.test").mails("bob@example.test")
    later(site, 11, **WAITING)
    assert progress(person) == {"state": "delayed", "text": DELAYED}


def test_another_browser_learns_nothing(site: Site, person: Person) -> None:
    asked(person, "/sign-in")
    address = str(person.page.url.path).replace("/code", "/mail")
    answer = site.person().client.get(address)
    assert (answer.status_code, answer.json()) == (410, {})


def test_once_the_code_has_run_out_there_is_nothing_to_tell(site: Site, person: Person) -> None:
    asked(person, "/sign-in")
    site.work(lambda session: session.exec(delete(Verification).where(col(Verification.id) != "")))
    address = str(person.page.url.path).replace("/code", "/mail")
    assert person.client.get(address).status_code == 410


def test_another_code_is_followed_from_then_on(site: Site, person: Person) -> None:
    asked(person, "/sign-in").mails(EMAIL)
    later(site, 60, state=MessageState.FAILED)
    person.open(str(person.page.url))
    person.press("/resend")
    person.mails(EMAIL, count=2)
    assert progress(person)["state"] == "queued"
    later(site)
    assert progress(person)["state"] == "accepted"
