"""Guessing: what strangers try at an address, and what its owner notices of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from code_desk import REQUEST, CodeDesk, wrong
from sqlmodel import select

from idp.storage.tables import FailedAttempt
from idp.verification import Checked, Limits, Proofs, TooManyAttempts, TooManySends


async def guess_wrong(desk: CodeDesk, times: int, **options: str) -> None:
    """Guess in one flow after the other, so often in all."""
    while times:
        verification_id = await desk.begin()
        for _ in range(min(times, 5)):
            await desk.check(verification_id, wrong(*await desk.codes()), **options)
            times -= 1


async def test_guesses_count_against_the_address_in_every_flow(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=()))
    await guess_wrong(desk, 20)
    verification_id = await desk.begin()
    code = (await desk.codes())[-1]
    assert await desk.check(verification_id, wrong(*await desk.codes())) is Checked.WRONG
    with pytest.raises(TooManyAttempts) as refused:
        await desk.check(verification_id, code)
    assert 119 <= refused.value.retry_after <= 120
    verification = await desk.verification(verification_id)
    assert verification
    assert desk.proofs.tries_left(verification) == 4


async def test_a_guesser_locks_nobody_out_who_has_a_fresh_code(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=()))
    await guess_wrong(desk, 20)
    verification_id = await desk.begin()
    assert await desk.check(verification_id, (await desk.codes())[-1]) is Checked.PROVEN


async def test_guesses_at_once_in_many_flows_do_not_get_past_the_limit(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=(), failures=8))
    flows = [await desk.begin() for _ in range(6)]
    typed = wrong(*await desk.codes())
    for flow in flows:
        await desk.check(flow, typed)
    guesses = [desk.check(flow, typed) for flow in flows for _ in range(3)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert results.count(Checked.WRONG) == 2
    assert sum(isinstance(result, TooManyAttempts) for result in results) == 16


async def test_a_known_browser_has_limits_no_stranger_can_use_up(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    for _ in range(5):
        await desk.begin()
    with pytest.raises(TooManySends):
        await desk.begin()
    await desk.begin(replace(REQUEST, browser="known"))
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=()))
    await guess_wrong(desk, 20)
    verification_id = await desk.begin()
    for _ in range(2):
        typed = wrong(*await desk.codes())
        assert await desk.check(verification_id, typed, browser="known") is Checked.WRONG


async def test_right_codes_never_add_up_to_a_back_off(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=(), failures=1))
    for _ in range(3):
        verification_id = await desk.begin()
        assert await desk.check(verification_id, (await desk.codes())[-1]) is Checked.PROVEN
    failed = await desk.database.run(lambda session: session.exec(select(FailedAttempt)).all())
    assert failed == []


async def test_wrong_passwords_and_wrong_codes_are_counted_apart(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits(cooldowns=(), sends=()))
    count = partial(desk.database.run, desk.proofs.count_password, "alice@example.com")
    for _ in range(20):
        await count()
    with pytest.raises(TooManyAttempts):
        await count()
    await count(browser="known")
    await guess_wrong(desk, 10)


async def test_two_resends_at_once_send_one_code(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    verification_id = await desk.begin()
    desk.proofs = make_proofs(Limits(cooldowns=(0, 60)))
    resends = [desk.resend(verification_id) for _ in range(4)]
    results = await asyncio.gather(*resends, return_exceptions=True)
    assert results.count(None) == 1
    assert len(await desk.codes()) == 2
