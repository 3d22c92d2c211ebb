"""Counters go on counting when rows are folded and purged."""

import asyncio
from datetime import timedelta

from history import attempt, message
from sqlmodel import Session, delete

from idp.operations.totals import Totals, fold, totals
from idp.storage import Database
from idp.storage.tables import DeliveryAttempt, Message, MessageState, now

LONG_AGO, JUST_NOW = timedelta(minutes=5), timedelta(seconds=5)


def some_history(session: Session) -> None:
    """Two mails sent, the second by a fallback, and one that expired."""
    for age, connector in ((LONG_AGO, "first"), (JUST_NOW, "second")):
        sent = message(now() - age, took=0.3, saved_by_fallback=connector == "second")
        session.add(sent)
        session.flush()
        attempt(session, sent, now() - age, connector, duration=0.2)
    expired = message(now() - LONG_AGO, took=600, state=MessageState.EXPIRED)
    session.add(expired)
    session.flush()
    attempt(session, expired, now() - LONG_AGO, outcome="TransientFailure", duration=3)
    attempt(session, expired, now() - LONG_AGO, outcome="skipped", duration=0)


def purge(session: Session) -> None:
    session.exec(delete(DeliveryAttempt))
    session.exec(delete(Message))


async def reached(database: Database) -> Totals:
    found = await database.run(totals)
    return {key: round(value, 3) for key, value in found.items()}


async def test_rows_are_counted_by_end_outcome_and_time(database: Database) -> None:
    await database.run(some_history)
    assert await reached(database) == {
        ("ended", ("sent", "SignIn")): 2,
        ("ended", ("expired", "SignIn")): 1,
        ("failovers", ()): 1,
        ("promised_to_sent_bucket", ("0.5",)): 2,
        ("promised_to_sent_sum", ()): 0.6,
        ("attempts", ("first", "sent")): 1,
        ("attempts", ("first", "TransientFailure")): 1,
        ("attempts", ("first", "skipped")): 1,
        ("attempts", ("second", "sent")): 1,
        ("attempt_bucket", ("first", "0.25")): 1,
        ("attempt_bucket", ("first", "5.0")): 1,
        ("attempt_bucket", ("second", "0.25")): 1,
        ("attempt_sum", ("first",)): 3.2,
        ("attempt_sum", ("second",)): 0.2,
    }


async def test_folding_changes_no_total_however_often(database: Database) -> None:
    await database.run(some_history)
    before = await reached(database)
    for _ in range(3):
        await database.run(fold)
        assert await reached(database) == before


async def test_what_was_folded_still_counts_when_its_rows_are_purged(database: Database) -> None:
    await database.run(some_history)
    await database.run(fold)
    await database.run(purge)
    found = await reached(database)
    assert found["ended", ("expired", "SignIn")] == 1
    assert found["ended", ("sent", "SignIn")] == 1  # the other was too fresh to be folded
    assert found["attempts", ("first", "TransientFailure")] == 1


async def test_several_processes_fold_every_row_once(database: Database) -> None:
    await database.run(some_history)
    before = await reached(database)
    await asyncio.gather(*(database.run(fold) for _ in range(4)))
    assert await reached(database) == before


async def test_a_mail_an_operator_may_still_send_is_not_counted_at_once(
    database: Database,
) -> None:
    def add(session: Session) -> None:
        for age in (LONG_AGO, JUST_NOW):
            session.add(message(now() - age, state=MessageState.UNKNOWN))

    await database.run(add)
    await database.run(fold)
    assert await reached(database) == {("ended", ("unknown", "SignIn")): 1}


async def test_nothing_happened_is_no_total(database: Database) -> None:
    await database.run(fold)
    assert await reached(database) == {}
