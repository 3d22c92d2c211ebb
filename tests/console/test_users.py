"""People at the console: found, added, invited, changed, signed out, shut out, deleted."""

from typing import Any

import pytest
from administrator import Administrator
from people import Person
from sqlmodel import Session, select

from idp.administration.users import user
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client
from idp.storage.tables import BrowserSession, Consent, User

ALICE = "alice@example.test"
PASSWORD = "four quiet herons wade"


@pytest.fixture
def alice(administrator: Administrator) -> str:
    """Return the id of a person with a password."""
    site = administrator.site
    return site.add_user(ALICE, site.hash_password(PASSWORD))


def post(administrator: Administrator, path: str, **fields: str) -> Any:
    return administrator.person.client.post(f"/console/users/{path}", data=fields)


def stored(administrator: Administrator, user_id: str) -> User:
    return administrator.site.work(user, user_id)


def signed_in(administrator: Administrator) -> Person:
    person = administrator.site.person()
    person.sign_in(ALICE, PASSWORD)
    assert person.open("/account").url.path == "/account"
    return person


def own_id(administrator: Administrator) -> str:
    return administrator.log("administrator.accept")[0].target_id or ""


@pytest.mark.parametrize(
    ("search", "found"),
    [("", True), ("alice", True), ("ALICE@Example.test", True), ("lice", False), ("al%", False)],
)
def test_people_are_found_by_how_their_address_begins(
    administrator: Administrator, alice: str, search: str, found: bool
) -> None:
    page = administrator.person.client.get("/console/users", params={"search": search})
    assert (f"/console/users/{alice}" in page.text) is found


def test_a_person_is_found_by_the_id_applications_know(
    administrator: Administrator, alice: str
) -> None:
    page = administrator.person.open(f"/console/users?search={alice}")
    assert [ALICE in page.text, "administrator</strong>" in page.text] == [True, False]


def test_a_search_goes_on_page_by_page_and_misses_nobody(administrator: Administrator) -> None:
    def add(session: Session) -> None:
        for number in range(120):
            address = f"reader{number:03}@example.test"
            session.add(User(email=address, email_key=address))

    administrator.site.work(add)
    for search in ("", "reader"):
        seen: list[str] = []
        query = f"?search={search}"
        while query:
            page = administrator.person.open(f"/console/users{query}").text
            seen += [part.partition("<")[0] for part in page.split("<bdi>reader")[1:]]
            more = page.partition("&amp;before=")[2].partition('"')[0]
            query = f"?search={search}&before={more}" if more else ""
        assert (len(seen), len(set(seen))) == (120, 120)


def test_an_account_is_added(administrator: Administrator) -> None:
    page = post(administrator, "new", email="bob@example.test")
    assert "The account is there." in page.text
    again = post(administrator, "new", email="BOB@example.test")
    assert again.status_code == 422
    assert 'id="email-problem"' in again.text
    assert [entry.refused for entry in administrator.log("user.create")] == [True, False]


def test_somebody_is_invited_and_gets_an_account(administrator: Administrator) -> None:
    wrong = post(administrator, "invite", invitee="nobody")
    assert wrong.status_code == 422
    assert "It must be exactly one mail address" in wrong.text
    assert post(administrator, "invite", invitee="bob@example.test").status_code == 200
    bob = administrator.site.person()
    [mail] = bob.mails("bob@example.test")
    link = next(word for word in mail.text.split() if "/links/" in word)
    bob.open(link.partition("8000")[2])
    assert bob.press("").url.path.startswith("/account")
    assert administrator.log("invitation.send")[0].target_id


def test_a_profile_is_changed_and_a_wrong_address_is_said(
    administrator: Administrator, alice: str
) -> None:
    post(administrator, alice, email="alice@new.example", name="Alice", given_name="")
    changed = stored(administrator, alice)
    assert (changed.email, changed.claims) == ("alice@new.example", {"name": "Alice"})
    wrong = post(administrator, alice, email="alice", name="Alicia")
    assert wrong.status_code == 422
    assert 'id="email-problem"' in wrong.text
    assert 'value="Alicia"' in wrong.text
    [refused, done] = administrator.log("user.update")
    assert (refused.refused, done.details) == (True, {"changed": ["name", "email"]})


def test_a_suspended_person_is_signed_out_and_kept_out(
    administrator: Administrator, alice: str
) -> None:
    person = signed_in(administrator)
    assert "suspended" in post(administrator, f"{alice}/suspend").text
    assert person.open("/account").url.path == "/sign-in"
    person.sign_in(ALICE, PASSWORD)
    assert person.open("/account").url.path == "/sign-in"
    post(administrator, f"{alice}/unsuspend")
    signed_in(administrator)
    assert administrator.log("user.unsuspend")


def test_a_reset_ends_the_password_and_the_mail_leads_to_a_new_one(
    administrator: Administrator, alice: str
) -> None:
    person = signed_in(administrator)
    post(administrator, f"{alice}/reset")
    assert person.open("/account").url.path == "/sign-in"
    assert stored(administrator, alice).password_hash is None
    [mail] = person.mails(ALICE)
    link = next(word for word in mail.text.split() if "login_hint=" in word)
    assert ALICE in person.open(link.partition("8000")[2]).text
    assert post(administrator, f"{alice}/reset").status_code == 422
    assert [entry.refused for entry in administrator.log("user.password-reset")] == [True, False]


def test_a_person_becomes_an_administrator_and_no_longer_is(
    administrator: Administrator, alice: str
) -> None:
    person = signed_in(administrator)
    for action, status in (("promote", 200), ("demote", 403)):
        post(administrator, f"{alice}/{action}")
        assert person.open("/console").status_code == status
    details = [entry.details for entry in administrator.log("user.roles")]
    assert details == [{"administrator": False}, {"administrator": True}]


@pytest.mark.parametrize("action", ["demote", "suspend", "remove"])
def test_nobody_locks_themselves_out(administrator: Administrator, action: str) -> None:
    page = post(administrator, f"{own_id(administrator)}/{action}")
    assert page.status_code == 422
    assert "your own account" in page.text
    assert administrator.person.open("/console").status_code == 200


def test_one_session_or_all_are_ended(administrator: Administrator, alice: str) -> None:
    people = [signed_in(administrator) for _ in range(3)]
    page = administrator.person.open(f"/console/users/{alice}")
    assert page.text.count('aria-label="End session') == 3
    session_id = page.text.partition("/console/sessions/")[2].partition("/")[0]
    end = f"/console/sessions/{session_id}/end"
    answer = administrator.person.client.post(end, data={"at_person": "1"})
    assert answer.url.path == f"/console/users/{alice}"
    assert "That session has ended." in answer.text
    paths = sorted(person.open("/account").url.path for person in people)
    assert paths == ["/account", "/account", "/sign-in"]
    post(administrator, f"{alice}/sign-out")
    assert {person.open("/account").url.path for person in people} == {"/sign-in"}
    assert administrator.person.client.post(end).status_code == 404
    assert [entry.refused for entry in administrator.log("session.end")] == [True, False]


def test_what_an_application_was_given_is_taken_back(
    administrator: Administrator, alice: str
) -> None:
    def agree(session: Session) -> None:
        uris = ["https://wiki.example.com/callback"]
        add_client(session, ClientMetadata(name="Wiki", redirect_uris=uris), client_id="wiki")
        session.add(Consent(user_id=alice, client_id="wiki", scope="openid email"))

    administrator.site.work(agree)
    assert "openid" in administrator.person.open(f"/console/users/{alice}").text
    assert "Taken back." in post(administrator, f"{alice}/revoke", client_id="wiki").text
    assert administrator.site.work(lambda session: session.exec(select(Consent)).all()) == []
    assert post(administrator, f"{alice}/revoke", client_id="wiki").status_code == 404


def test_a_deleted_account_is_gone(administrator: Administrator, alice: str) -> None:
    assert "Deleted" in post(administrator, f"{alice}/remove").text
    assert administrator.person.open(f"/console/users/{alice}").status_code == 404
    assert post(administrator, f"{alice}/remove").status_code == 404
    assert post(administrator, f"{alice}/dance").status_code == 404


def test_sessions_are_listed_and_found_by_how_an_address_begins(
    administrator: Administrator, alice: str
) -> None:
    signed_in(administrator)
    for search, names in (("", 2), ("alice", 1), ("lice", 0)):
        page = administrator.person.open(f"/console/sessions?search={search}").text
        assert page.count("All of theirs") == names
    assert "Nobody whose address begins like this is signed in." in page


def test_only_live_sessions_are_listed_page_by_page(
    administrator: Administrator, alice: str
) -> None:
    signed_in(administrator)

    def copy(session: Session) -> None:
        given = select(BrowserSession).where(BrowserSession.user_id == alice)
        row = session.exec(given).one().model_dump(exclude={"id", "fingerprint"})
        for number in range(60):
            session.add(BrowserSession(**row, fingerprint=f"copy {number}"))
        old = row | {"last_seen_at": row["last_seen_at"].replace(year=2020)}
        session.add(BrowserSession(**old, fingerprint="long unused"))
        session.add(BrowserSession(**old | {"remembered": False}, fingerprint="as long"))

    administrator.site.work(copy)
    first = administrator.person.open("/console/sessions").text
    older = first.partition("before=")[2].partition('"')[0]
    second = administrator.person.open(f"/console/sessions?before={older}").text
    assert [page.count("All of theirs") for page in (first, second)] == [50, 12]
