"""Browser sessions: who is signed in, and when that ends."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from idp.accounts.logout_notices import KIND
from idp.accounts.sessions import (
    SignedIn,
    Visit,
    end_everything,
    end_session,
    live_sessions,
    load_session,
    start_session,
)
from idp.accounts.users import create_user
from idp.outbox import Outbox
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.storage.secrets import fingerprint
from idp.storage.tables import BrowserSession, Client, Grant, Message, User, now


class Browser:
    """A browser in which Alice may be signed in."""

    def __init__(self, database: Database, settings: Settings, user: User) -> None:
        self.database, self.settings, self.user = database, settings, user
        secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
        self.outbox = Outbox(settings, secrets, load_plugins(), lambda *_: None)

    async def sign_in(self, replaces: str | None = None, user: User | None = None) -> str:
        user_id = (user or self.user).id
        given = (self.outbox, user_id, ["pwd"], self.settings)
        return await self.database.run(start_session, *given, Visit(replaces=replaces))

    async def load(self, cookie: str | None) -> SignedIn | None:
        return await self.database.run(load_session, cookie, self.settings)

    async def change(self, cookie: str, **values: Any) -> None:
        def write(session: Session) -> None:
            row = session.get_one(BrowserSession, fingerprint(cookie))
            for name, value in values.items():
                setattr(row, name, value)

        await self.database.run(write)


@pytest.fixture
async def browser(database: Database, settings: Settings) -> Browser:
    user = await database.run(create_user, "alice@example.com")
    return Browser(database, settings, user)


async def test_a_cookie_says_who_is_signed_in_how_and_since_when(browser: Browser) -> None:
    signed_in = await browser.load(await browser.sign_in())
    assert signed_in
    assert signed_in.user.id == browser.user.id
    assert signed_in.session.amr == ["pwd"]
    assert now() - signed_in.auth_time < timedelta(minutes=1)


@pytest.mark.parametrize("cookie", [None, "", "made-up"])
async def test_another_cookie_says_nothing(browser: Browser, cookie: str | None) -> None:
    await browser.sign_in()
    assert await browser.load(cookie) is None


async def test_the_cookie_is_not_stored(browser: Browser) -> None:
    cookie = await browser.sign_in()
    row = await browser.database.run(lambda session: session.exec(select(BrowserSession)).one())
    assert cookie not in repr(row)
    assert row.id not in cookie


async def test_signing_in_again_replaces_the_session(browser: Browser) -> None:
    """A cookie somebody planted before must not be signed in afterwards (session fixation)."""
    before = await browser.sign_in()
    after = await browser.sign_in(replaces=before)
    assert before != after
    assert await browser.load(before) is None
    assert await browser.load(after)


async def test_the_session_of_the_same_person_goes_on_for_applications(browser: Browser) -> None:
    before = await browser.sign_in()
    first = await browser.load(before)
    await browser.change(before, auth_time=now() - timedelta(hours=1))
    second = await browser.load(await browser.sign_in(replaces=before))
    assert first
    assert second
    assert second.session.id == first.session.id
    assert now() - second.auth_time < timedelta(minutes=1)


async def test_applications_are_told_when_somebody_else_signs_in(browser: Browser) -> None:
    bob = await browser.database.run(create_user, "bob@example.com")
    hers = await browser.sign_in()
    signed_in = await browser.load(hers)
    assert signed_in
    session_id = signed_in.session.id

    def use(session: Session) -> None:
        uri = "https://wiki.example.com/logout"
        client = Client(id="wiki", name="Wiki", redirect_uris=[], backchannel_logout_uri=uri)
        session.add(client)
        session.flush()
        grant = Grant(client_id="wiki", user_id=browser.user.id, scope="openid", auth_time=now())
        grant.session_id = session_id
        session.add(grant)

    await browser.database.run(use)
    his = await browser.sign_in(replaces=hers, user=bob)
    assert await browser.load(hers) is None
    assert await browser.load(his)
    [promised] = await browser.database.run(lambda session: session.exec(select(Message)).all())
    assert promised.usage_type == KIND


async def test_a_session_unused_for_a_day_ends(browser: Browser) -> None:
    cookie = await browser.sign_in()
    await browser.change(cookie, last_seen_at=now() - timedelta(hours=23, minutes=59))
    assert await browser.load(cookie)
    await browser.change(cookie, last_seen_at=now() - timedelta(hours=24))
    assert await browser.load(cookie) is None


async def test_using_a_session_keeps_it_alive(browser: Browser) -> None:
    cookie = await browser.sign_in()
    await browser.change(cookie, last_seen_at=now() - timedelta(hours=23))
    await browser.load(cookie)
    signed_in = await browser.load(cookie)
    assert signed_in
    assert now() - signed_in.session.last_seen_at < timedelta(minutes=1)


async def test_a_session_in_steady_use_is_not_written_every_time(browser: Browser) -> None:
    cookie = await browser.sign_in()
    seen_at = now() - timedelta(minutes=4)
    await browser.change(cookie, last_seen_at=seen_at)
    await browser.load(cookie)
    signed_in = await browser.load(cookie)
    assert signed_in
    assert signed_in.session.last_seen_at == seen_at


async def test_a_session_ends_after_two_weeks_however_much_it_is_used(browser: Browser) -> None:
    cookie = await browser.sign_in()
    signed_in = await browser.load(cookie)
    assert signed_in
    lifetime = signed_in.session.expires_at - now()
    assert timedelta(days=13.9) < lifetime <= timedelta(days=14)
    await browser.change(cookie, expires_at=now())
    assert await browser.load(cookie) is None


async def test_a_suspended_person_is_not_signed_in(browser: Browser) -> None:
    cookie = await browser.sign_in()

    def suspend(session: Session) -> None:
        session.get_one(User, browser.user.id).suspended_at = now()

    await browser.database.run(suspend)
    assert await browser.load(cookie) is None


async def test_signing_out_ends_this_browsers_session_only(browser: Browser) -> None:
    here, there = await browser.sign_in(), await browser.sign_in()
    await browser.database.run(end_session, browser.outbox, here)
    await browser.database.run(end_session, browser.outbox, None)
    assert await browser.load(here) is None
    assert await browser.load(there)


async def test_an_unremembered_session_ends_after_an_hour_unused(browser: Browser) -> None:
    cookie = await browser.sign_in()
    await browser.change(cookie, remembered=False, last_seen_at=now() - timedelta(minutes=59))
    assert await browser.load(cookie)
    await browser.change(cookie, last_seen_at=now() - timedelta(minutes=60))
    assert await browser.load(cookie) is None


async def test_a_proof_is_recent_for_ten_minutes(browser: Browser) -> None:
    cookie = await browser.sign_in()
    for minutes, is_recent in ((9.9, True), (10, False)):
        await browser.change(cookie, proven_at=now() - timedelta(minutes=minutes))
        signed_in = await browser.load(cookie)
        assert signed_in
        assert signed_in.is_proven_recently is is_recent


async def test_ended_sessions_are_not_listed(browser: Browser) -> None:
    here, there = await browser.sign_in(), await browser.sign_in()
    await browser.change(there, last_seen_at=now() - timedelta(days=2))
    listed = await browser.database.run(live_sessions, browser.user.id, browser.settings)
    assert [row.fingerprint for row in listed] == [fingerprint(here)]


async def test_ending_everything_else_keeps_the_session_that_asks(browser: Browser) -> None:
    here, there = await browser.sign_in(), await browser.sign_in()
    signed_in = await browser.load(here)
    assert signed_in
    await browser.database.run(
        end_everything, browser.outbox, browser.user.id, but=signed_in.session.id
    )
    assert await browser.load(here)
    assert await browser.load(there) is None


async def test_ending_everything_revokes_sessions_and_grants_of_one_person(
    browser: Browser,
) -> None:
    bob = await browser.database.run(create_user, "bob@example.com")

    def grant(session: Session) -> None:
        session.add(Client(id="wiki", name="Wiki", redirect_uris=[]))
        session.flush()
        for user in (browser.user, bob):
            session.add(Grant(client_id="wiki", user_id=user.id, scope="openid", auth_time=now()))

    await browser.database.run(grant)
    hers, his = await browser.sign_in(), await browser.sign_in(user=bob)
    await browser.database.run(end_everything, browser.outbox, browser.user.id)
    assert await browser.load(hers) is None
    assert await browser.load(his)
    revoked = select(Grant.user_id).where(Grant.revoked_at != None)  # noqa: E711
    assert list(await browser.database.run(lambda session: session.exec(revoked).all())) == [
        browser.user.id
    ]
