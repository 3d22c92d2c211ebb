"""Somebody moves their account to another address."""

import re
from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, MailedLink, User, now

OLD = "alice@example.test"
NEW = "alice@elsewhere.test"
PASSWORD = "four quiet herons wade"


@pytest.fixture
def alice(site: Site, person: Person) -> Person:
    site.add_user(OLD, site.hash_password(PASSWORD))
    person.sign_in(OLD, PASSWORD)
    return person


def leave_alone(session: Session) -> None:
    """Let more time pass than a proof is good for."""
    for row in session.exec(select(BrowserSession)):
        row.proven_at = now() - timedelta(minutes=11)


def addresses(session: Session) -> list[str]:
    return sorted(session.exec(select(User.email)))


def move(person: Person, email: str = NEW) -> None:
    person.open("/account/address")
    person.fill(email=email)
    person.fill(verification_code=person.verification_code(email))


def undo_link(person: Person, email: str = OLD) -> str:
    found = re.search(r"http\S+(/links/\S+)", person.mails(email)[-1].text)
    assert found
    return found[1]


def test_the_new_address_is_proven_and_the_old_one_told(site: Site, alice: Person) -> None:
    move(alice)
    assert alice.page.url.path == "/account"
    assert "Your email address was changed" in alice.page.text
    assert site.work(addresses) == [NEW]
    [notice] = alice.mails(OLD)
    assert "was changed" in notice.subject
    assert "testclient" in notice.text


def test_until_the_code_is_typed_nothing_changes(site: Site, alice: Person) -> None:
    alice.open("/account/address")
    alice.fill(email=NEW)
    code_page = alice.page.url.path
    alice.fill(verification_code="000000")
    assert alice.page.status_code == 422
    assert site.work(addresses) == [OLD]
    thief = site.person()
    stolen = {"verification_code": alice.verification_code(NEW)}
    assert thief.client.post(code_page, data=stolen).status_code == 410
    assert site.work(addresses) == [OLD]


def test_a_browser_left_open_must_prove_the_old_address_first(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.open("/account/address")
    assert "Confirm that it is you" in alice.page.text
    alice.press("/account/confirm")
    alice.fill(verification_code=alice.verification_code(OLD))
    assert alice.page.url.path == "/account/address"
    alice.fill(email=NEW)
    assert alice.page.url.path.startswith("/challenges/")


def test_a_form_sent_past_the_proof_is_not_taken(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.page = alice.client.post("/account/address", data={"email": NEW})
    assert "Confirm that it is you" in alice.page.text
    assert alice.inbox(NEW) == []


def test_a_proof_leads_nowhere_but_to_a_page_of_the_account(site: Site, alice: Person) -> None:
    site.work(leave_alone)
    alice.page = alice.client.post("/account/confirm", data={"next": "https://evil.example/"})
    alice.fill(verification_code=alice.verification_code(OLD))
    assert alice.page.url.path == "/account"


def test_whether_the_new_address_has_an_account_shows_only_after_its_code(
    site: Site, alice: Person
) -> None:
    site.add_user("bob@example.test")
    alice.open("/account/address")
    alice.fill(email="bob@example.test")
    assert "another account" not in alice.page.text.lower()
    alice.fill(verification_code=alice.verification_code("bob@example.test"))
    assert "Another account has that address" in alice.page.text
    assert site.work(addresses) == [OLD, "bob@example.test"]


@pytest.mark.parametrize("email", ["", "not an address", OLD, "a@b.test, c@d.test"])
def test_anything_but_another_address_is_refused(alice: Person, email: str) -> None:
    alice.open("/account/address")
    assert alice.fill(email=email).status_code == 422


def test_the_old_address_takes_the_account_back(site: Site, alice: Person) -> None:
    move(alice)
    owner = site.person()
    owner.open(undo_link(alice))
    assert OLD in owner.page.text
    assert site.work(addresses) == [NEW]  # opening a link changes nothing
    owner.press("")
    assert owner.page.url.path == "/forgot-password"
    assert site.work(addresses) == [OLD]
    assert alice.open("/account").url.path == "/sign-in"
    assert alice.sign_in(OLD, PASSWORD).status_code == 422


def test_the_address_of_a_thief_undoes_nothing_afterwards(site: Site, alice: Person) -> None:
    move(alice)
    move(alice, "third@example.test")
    thief = site.person()
    thiefs_link = undo_link(alice, NEW)
    owner = site.person()
    owner.open(undo_link(alice))
    owner.press("")
    assert site.work(addresses) == [OLD]
    assert thief.open(thiefs_link).status_code == 410
    assert thief.client.post(thiefs_link).status_code == 410


def test_a_link_works_once_and_not_for_ever(site: Site, alice: Person) -> None:
    move(alice)
    link = undo_link(alice)
    assert link.rpartition("/")[2] not in repr(
        site.work(lambda s: s.exec(select(MailedLink)).all())
    )

    def age(session: Session) -> None:
        session.exec(select(MailedLink)).one().expires_at = now()

    site.work(age)
    assert alice.open(link).status_code == 410
    assert alice.client.post(link).status_code == 410
    assert site.work(addresses) == [NEW]
