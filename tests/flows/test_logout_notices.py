"""Applications are told when a session ends, whichever way it ends."""

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, Client, Grant, Message, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
NEW_PASSWORD = "nine loud canaries depart"


def _use_wiki(session: Session) -> None:
    """Let the session there is be one in which an application was used."""
    uri = "https://wiki.example/logout"
    session.add(Client(id="wiki", name="Wiki", redirect_uris=[], backchannel_logout_uri=uri))
    session.flush()
    for row in session.exec(select(BrowserSession)):
        grant = Grant(client_id="wiki", user_id=row.user_id, scope="openid", auth_time=now())
        grant.session_id = row.id
        session.add(grant)


def _promised(session: Session) -> int:
    told = select(Message).where(Message.channel == "backchannel_logout")
    return len(session.exec(told).all())


@pytest.fixture
def signed_in(site: Site, person: Person) -> Person:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    person.sign_in(EMAIL, PASSWORD)
    site.work(_use_wiki)
    assert site.work(_promised) == 0
    return person


def test_they_are_told_when_a_person_signs_out(site: Site, signed_in: Person) -> None:
    signed_in.client.post("/account/sign-out")
    assert site.work(_promised) == 1


def test_they_are_told_when_another_session_is_ended(site: Site, signed_in: Person) -> None:
    other = site.person()
    other.sign_in(EMAIL, PASSWORD)
    [used] = site.work(lambda session: session.exec(select(Grant.session_id)).all())
    other.client.post("/account/sessions/end", data={"session": used})
    assert site.work(_promised) == 1


def test_they_are_told_when_every_other_session_is_ended(site: Site, signed_in: Person) -> None:
    other = site.person()
    other.sign_in(EMAIL, PASSWORD)
    other.client.post("/account/sessions/end-others")
    assert site.work(_promised) == 1


def test_they_are_told_when_another_browser_changes_the_password(
    site: Site, signed_in: Person
) -> None:
    other = site.person()
    other.sign_in(EMAIL, PASSWORD)
    other.client.post("/account/password", data={"new_password": NEW_PASSWORD})
    assert site.work(_promised) == 1


def test_they_are_told_when_a_forgotten_password_is_replaced(site: Site, signed_in: Person) -> None:
    other = site.person()
    other.open("/forgot-password")
    other.fill(email=EMAIL)
    other.fill(verification_code=other.verification_code(EMAIL))
    other.fill(new_password=NEW_PASSWORD)
    assert site.work(_promised) == 1


def test_they_are_told_when_the_account_is_deleted(site: Site, signed_in: Person) -> None:
    signed_in.client.post("/account/delete", data={"email": EMAIL})
    assert site.work(_promised) == 1
