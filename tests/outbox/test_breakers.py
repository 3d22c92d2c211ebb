"""The breakers as rows: shared by all workers, opened and closed by what mails met."""

import asyncio
from datetime import timedelta

from postman import Postman
from sqlmodel import Session, update

from idp.connectors import delete_connector, save_connector
from idp.outbox import breakers, log
from idp.outbox.breakers import Note, Turn
from idp.outbox.policy import Verdict
from idp.storage.tables import Breaker, BreakerState, now


async def record(postman: Postman, connector_id: str, *verdicts: Verdict) -> list[Turn | None]:
    """Record what as many different mails said of one connector."""
    notes = [
        Note(
            connector_id=connector_id,
            message_id=f"m{number}",
            verdict=judged,
            moment=now(),
            reason=None if judged is Verdict.WORKS else "Connection refused.",
        )
        for number, judged in enumerate(verdicts)
    ]
    return await postman.database.run(breakers.record, notes)


async def breaker(postman: Postman, connector_id: str) -> Breaker:
    rows = await postman.database.run(log.breakers)
    return next(row for row in rows if row.connector_id == connector_id)


async def let_time_pass(postman: Postman) -> None:
    def write(session: Session) -> None:
        session.exec(update(Breaker).values(retry_at=now() - timedelta(seconds=1)))

    await postman.database.run(write)


async def test_a_new_connector_is_trusted(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    row = await breaker(postman, instance)
    assert (row.state, row.failures, row.reason) == (BreakerState.CLOSED, 0, None)


async def test_the_fifth_failure_in_a_row_opens_it_and_says_why(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    turns = await record(postman, instance, *[Verdict.FAILS] * 6)
    assert turns == [None, None, None, None, "opened", None]
    row = await breaker(postman, instance)
    assert (row.state, row.reason) == (BreakerState.OPEN, "Connection refused.")
    assert row.opened_at
    assert row.retry_at
    assert timedelta(seconds=28) < row.retry_at - now() <= timedelta(seconds=30)


async def test_a_mail_that_goes_out_in_between_starts_the_count_anew(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    mixed = [Verdict.FAILS] * 4 + [Verdict.WORKS] + [Verdict.FAILS] * 4
    assert set(await record(postman, instance, *mixed)) == {None}
    assert (await breaker(postman, instance)).failures == 4


async def test_failures_of_several_workers_add_up(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    for _ in range(2):
        await record(postman, instance, Verdict.FAILS, Verdict.FAILS, Verdict.FAILS)
    assert (await breaker(postman, instance)).state is BreakerState.OPEN


async def test_only_one_mail_may_try_a_connector_again(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    await record(postman, instance, Verdict.MISCONFIGURED)
    assert not await postman.database.run(breakers.take_trial, instance)
    await let_time_pass(postman)
    tries = [postman.database.run(breakers.take_trial, instance) for _ in range(5)]
    assert sorted(await asyncio.gather(*tries)) == [False, False, False, False, True]
    assert (await breaker(postman, instance)).state is BreakerState.HALF_OPEN


async def test_a_trial_that_works_closes_it(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    await record(postman, instance, Verdict.MISCONFIGURED)
    await let_time_pass(postman)
    await postman.database.run(breakers.take_trial, instance)
    assert await record(postman, instance, Verdict.WORKS) == ["closed"]
    row = await breaker(postman, instance)
    assert (row.state, row.failures, row.opened_at, row.reason) == ("closed", 0, None, None)


async def test_a_trial_that_fails_is_no_second_alert(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    await record(postman, instance, Verdict.MISCONFIGURED)
    opened_at = (await breaker(postman, instance)).opened_at
    await let_time_pass(postman)
    await postman.database.run(breakers.take_trial, instance)
    assert await record(postman, instance, Verdict.FAILS) == [None]
    row = await breaker(postman, instance)
    assert (row.state, row.opened_at) == (BreakerState.OPEN, opened_at)


async def test_new_settings_are_a_new_start(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    await record(postman, instance, Verdict.MISCONFIGURED)
    await postman.database.run(save_connector, postman.secrets, postman.first, {})
    assert (await breaker(postman, instance)).state is BreakerState.CLOSED


async def test_a_connector_that_was_removed_meanwhile_is_nobodys(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    await postman.database.run(delete_connector, instance)
    assert await record(postman, instance, Verdict.FAILS) == [None]
    assert await postman.database.run(log.breakers) == []
