"""Housekeeping: what has run out goes, the rest stays."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select
from structlog.testing import capture_logs

from idp.storage import Database, open_database
from idp.storage.housekeeping import (
    forget_contents,
    keep_clean,
    purge,
    purge_grants,
    purge_messages,
)
from idp.storage.tables import (
    AccessToken,
    AuthorizationCode,
    BrowserSession,
    Challenge,
    Client,
    CodeSend,
    DeliveryAttempt,
    DeviceAuthorization,
    FailedAttempt,
    Flow,
    FlowKind,
    Grant,
    Interaction,
    KnownDevice,
    LinkPurpose,
    MailedLink,
    Message,
    MessageState,
    PushedRequest,
    RefreshToken,
    UsedAssertion,
    User,
    Verification,
    VerificationCode,
    Worker,
    now,
)

MONTH = timedelta(days=30)
EXPIRING = (
    *(Verification, Flow, Interaction, AuthorizationCode),
    *(AccessToken, RefreshToken, BrowserSession, Challenge, KnownDevice, MailedLink),
    *(PushedRequest, DeviceAuthorization, UsedAssertion),
)


def fill(session: Session, name: str, ends_in: timedelta) -> None:
    """Write one row of each short-lived kind; their keys are `name`."""
    end: dict[str, Any] = {"expires_at": now() + ends_in}
    user = User(id=name, email=f"{name}@example.com", email_key=f"{name}@example.com")
    session.add_all([user, Client(id=name, name=name, redirect_uris=[])])
    session.flush()
    granted: dict[str, Any] = {"client_id": name, "user_id": name, "scope": "openid"}
    session.add(Grant(id=name, auth_time=now(), **granted))
    session.add(Interaction(id=name, browser="b", client_id=name, parameters={}, **end))
    session.add(
        Verification(id=name, usage_type="SignIn", address="a", sent_at=now(), **end),
    )
    session.flush()
    person: dict[str, Any] = {"browser": "b", "email": "e", "email_key": "e", "locale": "en"}
    session.add_all(
        [
            VerificationCode(keyed_hash=name, verification_id=name, **end),
            Flow(id=name, kind=FlowKind.SIGN_IN, interaction_id=name, **person, **end),
            AuthorizationCode(fingerprint=name, grant_id=name, redirect_uri="r", **end),
            AccessToken(fingerprint=name, client_id=name, grant_id=name, scope="openid", **end),
            RefreshToken(fingerprint=name, grant_id=name, **end),
            PushedRequest(fingerprint=name, client_id=name, parameters={}, **end),
            DeviceAuthorization(
                fingerprint=name, user_code=name, client_id=name, scope="", interval=5, **end
            ),
            UsedAssertion(fingerprint=name, **end),
            BrowserSession(fingerprint=name, user_id=name, **end),
            Challenge(
                id=name,
                user_id=name,
                usage_type="MfaVerification",
                verification_id="v",
                location="/",
                **person,
                **end,
            ),
            KnownDevice(fingerprint=name, user_id=name, **end),
            MailedLink(fingerprint=name, purpose=LinkPurpose.INVITATION, email="e", **end),
            CodeSend(id=name, address="a", sent_at=now() + ends_in - timedelta(days=1)),
            FailedAttempt(id=name, bucket="a", failed_at=now() + ends_in - timedelta(days=1)),
        ]
    )


def keys_left(session: Session) -> list[str]:
    tables = (*EXPIRING, CodeSend, FailedAttempt, VerificationCode)
    return [str(key) for table in tables for key in session.exec(select(primary_key(table)))]


def primary_key(table: type) -> str:
    names = [name for name in ("fingerprint", "keyed_hash", "id") if hasattr(table, name)]
    column: str = getattr(table, names[0])
    return column


async def test_what_has_run_out_is_deleted_and_the_rest_is_kept(database: Database) -> None:
    await database.run(fill, "old", -timedelta(seconds=1))
    await database.run(fill, "new", timedelta(minutes=1))
    await database.run(purge)
    assert await database.run(keys_left) == ["new"] * (len(EXPIRING) + 3)


async def test_accounts_are_never_purged(database: Database) -> None:
    await database.run(fill, "old", -timedelta(days=100))
    await database.run(purge)
    assert list(await database.run(lambda s: s.exec(select(User.id)).all())) == ["old"]


async def test_a_grant_goes_once_nothing_is_left_of_it(database: Database) -> None:
    await database.run(fill, "new", timedelta(minutes=1))
    await database.run(fill, "old", -timedelta(seconds=1))
    await database.run(purge_grants, "")
    assert await database.run(_grants_left) == ["new", "old"]
    await database.run(purge)
    assert await database.run(purge_grants, "", 1) == "new"
    assert await database.run(purge_grants, "new") == ""
    assert await database.run(_grants_left) == ["new"]


async def test_a_grant_stays_while_its_session_lives(database: Database) -> None:
    def keep_session(session: Session) -> None:
        row = BrowserSession(fingerprint="s", id="s", user_id="old", expires_at=now() + MONTH)
        session.add(row)
        session.get_one(Grant, "old").session_id = "s"

    await database.run(fill, "old", -timedelta(seconds=1))
    await database.run(keep_session)
    await database.run(purge)
    await database.run(purge_grants, "")
    assert await database.run(_grants_left) == ["old"]


def _grants_left(session: Session) -> list[str]:
    return sorted(session.exec(select(Grant.id)))


async def test_a_flow_outlives_its_authorization_request(database: Database) -> None:
    await database.run(fill, "a", timedelta(minutes=1))

    def end_interaction(session: Session) -> str | None:
        session.get_one(Interaction, "a").expires_at = now()
        session.flush()
        purge(session)
        return session.exec(select(Flow.interaction_id).where(col(Flow.id) == "a")).one()

    assert await database.run(end_interaction) is None


def promise(session: Session, name: str, **values: Any) -> None:
    """Write a message that ended, or did not, and one attempt at it."""
    given: dict[str, Any] = {"due_at": now(), "deadline": now(), "payload": "v1:sealed", **values}
    given |= {"recipient": "r", "recipient_hash": "h", "usage_type": "SignIn", "locale": "en"}
    session.add(Message(id=name, **given))
    session.flush()
    row = DeliveryAttempt(message_id=name, number=1, started_at=now(), duration=0, outcome="sent")
    session.add(row)


def messages_left(session: Session) -> tuple[list[str], list[str]]:
    attempts = session.exec(select(DeliveryAttempt.message_id))
    return sorted(session.exec(select(Message.id))), sorted(attempts)


async def test_what_became_of_a_mail_is_kept_for_a_while(database: Database) -> None:
    def write(session: Session) -> None:
        promise(session, "old", state=MessageState.SENT, ended_at=now() - timedelta(days=31))
        promise(session, "new", state=MessageState.SENT, ended_at=now() - timedelta(days=29))
        promise(session, "waiting", deadline=now() + timedelta(days=60))

    await database.run(write)
    assert await database.run(purge_messages, MONTH) == 1
    assert await database.run(messages_left) == (["new", "waiting"], ["new", "waiting"])


async def test_messages_are_purged_in_small_batches_the_oldest_first(database: Database) -> None:
    def write(session: Session) -> None:
        for day in range(31, 36):
            promise(
                session, f"{day}", state=MessageState.SENT, ended_at=now() - timedelta(days=day)
            )

    await database.run(write)
    assert await database.run(purge_messages, MONTH, 2) == 2
    assert (await database.run(messages_left))[0] == ["31", "32", "33"]


async def test_a_mail_perhaps_sent_loses_its_content_at_its_deadline(database: Database) -> None:
    def write(session: Session) -> None:
        unknown: dict[str, Any] = {"state": MessageState.UNKNOWN, "ended_at": now()}
        promise(session, "late", **unknown)
        promise(session, "in time", deadline=now() + timedelta(minutes=1), **unknown)

    await database.run(write)
    await database.run(forget_contents)
    kept = await database.run(lambda s: s.exec(select(Message.id, Message.payload)).all())
    assert {(name, bool(payload)) for name, payload in kept} == {("late", False), ("in time", True)}


async def test_workers_long_gone_are_forgotten(database: Database) -> None:
    def write(session: Session) -> None:
        for name, days in (("gone", 2), ("here", 0)):
            seen_at = now() - timedelta(days=days)
            session.add(Worker(name=name, carrier="embedded", seen_at=seen_at))

    await database.run(write)
    await database.run(purge)
    names = await database.run(lambda session: session.exec(select(Worker.name)).all())
    assert list(names) == ["here"]


async def test_a_failing_purge_is_logged_and_tried_again(database_url: str) -> None:
    database = open_database("sqlite:////nowhere/idp.db")
    with capture_logs() as logs:
        cleaning = asyncio.create_task(keep_clean(database, MONTH))
        await asyncio.sleep(0.05)
    assert [entry["event"] for entry in logs] == ["purge failed"]
    assert not cleaning.done()
    cleaning.cancel()
    await asyncio.gather(cleaning, return_exceptions=True)
