"""Somebody deletes their account, and nothing of it is left."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from people import Person, Site
from sqlmodel import Session, SQLModel, select

from idp.storage.secrets import fingerprint
from idp.storage.tables import AccessToken, BrowserSession, Client, Flow, Grant, User, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
KEPT = {"client", "connector", "signing_key", "code_send", "verification", "custom_template"}
KEPT |= {"breaker", "worker", "metric_total", "api_resource"}
"""Tables whose rows belong to nobody, or know of nobody but a keyed hash that soon ends."""


@pytest.fixture
def alice(site: Site, person: Person) -> Person:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    person.open("/sign-in")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    return person


def rows(session: Session) -> dict[str, Sequence[Any]]:
    tables = SQLModel.metadata.tables
    found = {name: session.exec(select(table)).all() for name, table in tables.items()}  # type: ignore[call-overload]
    return {name: kept for name, kept in found.items() if kept and name not in KEPT}


def issue_access_token(session: Session) -> None:
    user = session.exec(select(User)).one()
    session.add(Client(id="wiki", name="Wiki", redirect_uris=[]))
    session.flush()
    grant = Grant(client_id="wiki", user_id=user.id, scope="openid", auth_time=now())
    session.add(grant)
    session.flush()
    end = now() + timedelta(hours=1)
    key = fingerprint("an access token")
    session.add(
        AccessToken(
            client_id="wiki", fingerprint=key, grant_id=grant.id, scope="openid", expires_at=end
        )
    )


def test_everything_of_the_account_is_gone(site: Site, alice: Person) -> None:
    site.work(issue_access_token)
    bearer = {"Authorization": "Bearer an access token"}
    assert alice.client.get("/oidc/userinfo", headers=bearer).status_code == 200
    alice.open("/account/delete")
    alice.fill(email=EMAIL.upper())
    assert alice.page.url.path == "/sign-in"
    assert "is deleted" in alice.page.text
    assert alice.client.get("/oidc/userinfo", headers=bearer).status_code == 401
    assert alice.open("/account").url.path == "/sign-in"
    assert site.work(rows) == {}


@pytest.mark.parametrize("typed", ["", "DELETE", "bob@example.test"])
def test_another_address_confirms_nothing(site: Site, alice: Person, typed: str) -> None:
    alice.open("/account/delete")
    assert alice.fill(email=typed).status_code == 422
    assert site.work(lambda session: session.exec(select(User.email)).all()) == [EMAIL]


def test_a_browser_left_open_does_not_delete(site: Site, alice: Person) -> None:
    def leave_alone(session: Session) -> None:
        session.exec(select(BrowserSession)).one().proven_at = now() - timedelta(minutes=11)

    site.work(leave_alone)
    alice.page = alice.client.post("/account/delete", data={"email": EMAIL})
    assert "Confirm that it is you" in alice.page.text
    assert site.work(lambda session: session.exec(select(User.email)).all()) == [EMAIL]


def test_the_address_can_have_a_new_account_afterwards(site: Site, alice: Person) -> None:
    before = site.work(lambda session: session.exec(select(User.id)).one())
    alice.open("/account/delete")
    alice.fill(email=EMAIL)
    assert site.work(lambda session: session.exec(select(Flow.id)).all()) == []
    alice.open("/register")
    alice.fill(email=EMAIL)
    alice.fill(verification_code=alice.verification_code(EMAIL, count=2))
    assert alice.page.url.path == "/account"
    assert site.work(lambda session: session.exec(select(User.id)).one()) != before
