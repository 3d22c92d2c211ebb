"""What a person may know of a mail."""

from datetime import timedelta

import pytest
from history import message
from sqlmodel import Session

from idp.outbox.progress import Progress, general_progress, progress
from idp.storage import Database
from idp.storage.tables import MessageState, now


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        (MessageState.PROMISED, 1, Progress.QUEUED),
        (MessageState.SENDING, 1, Progress.QUEUED),
        (MessageState.PROMISED, 11, Progress.DELAYED),
        (MessageState.SENDING, 11, Progress.DELAYED),
        (MessageState.SENT, 11, Progress.ACCEPTED),
        (MessageState.UNKNOWN, 11, Progress.ACCEPTED),
        (MessageState.FAILED, 1, Progress.FAILED),
        (MessageState.EXPIRED, 600, Progress.FAILED),
        (MessageState.CANCELLED, 1, Progress.FAILED),
    ],
)
def test_a_mail_is_on_its_way_late_sent_or_lost(
    state: MessageState, age: float, expected: Progress
) -> None:
    assert progress(message(state=state, took=age), now()) is expected


async def general(database: Database, **values: object) -> Progress:
    def add(session: Session) -> None:
        session.add(message(**values))  # type: ignore[arg-type]

    await database.run(add)
    return await database.run(general_progress)


async def test_mails_are_delayed_in_general_while_one_waits_for_long(database: Database) -> None:
    assert await general(database, took=5) is Progress.QUEUED
    assert await general(database, took=11) is Progress.DELAYED


async def test_a_mail_that_ended_delays_nothing(database: Database) -> None:
    ended = now() - timedelta(seconds=1)
    assert await general(database, took=60, ended=ended) is Progress.QUEUED


async def test_a_mail_that_only_accounts_get_does_not_show_in_general(database: Database) -> None:
    late = {"usage_type": "ForgotPassword", "took": 60}
    assert await general(database, **late) is Progress.QUEUED
