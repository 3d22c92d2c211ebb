"""How mail has been doing: counted by the hour in which it ended."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from idp.administration.overview import Hour, overview
from idp.storage import Database
from idp.storage.tables import Message, MessageState, now

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def end_mail(session: Session, state: MessageState, hours_ago: int) -> None:
    moment = now() - timedelta(hours=hours_ago)
    session.add(
        Message(
            usage_type="SignIn",
            recipient="",
            recipient_hash="",
            locale="en",
            state=state,
            due_at=moment,
            deadline=moment,
            ended_at=moment,
        )
    )


async def test_mails_are_counted_in_the_hour_they_ended(database: Database) -> None:
    for state, ago in (("sent", 0), ("sent", 0), ("failed", 3), ("cancelled", 3), ("sent", 30)):
        await database.run(end_mail, MessageState(state), ago)
    seen = await database.run(overview, {})
    assert (len(seen.hours), seen.sent, seen.failed) == (24, 2, 1)
    assert (seen.hours[-1].sent, seen.hours[-4].failed) == (2, 1)


async def test_a_finished_hour_is_counted_once(database: Database) -> None:
    await database.run(end_mail, MessageState.SENT, 5)
    first = await database.run(overview, {})
    await database.run(end_mail, MessageState.SENT, 5)
    await database.run(end_mail, MessageState.SENT, 0)
    again = await database.run(overview, first.finished_hours)
    assert again.sent == first.sent + 1
    begins = first.hours[0].begins
    told = await database.run(overview, {begins: Hour(begins, sent=7)})
    assert told.hours[0].sent == 7
