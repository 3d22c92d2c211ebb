"""Proofs: a code proves one address, for one purpose, once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from code_desk import REQUEST, CodeDesk, wrong
from cryptography.fernet import Fernet
from sqlmodel import select

from idp.connector_kit import UsageType
from idp.outbox import EmbeddedCarrier, Outbox
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.tables import (
    CodeSend,
    MessageState,
    VerificationCode,
    now,
)
from idp.verification import Checked, Limits, Proofs, TooManySends


async def test_the_right_code_proves_the_address(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    assert await desk.check(verification_id, code) is Checked.PROVEN


async def test_a_pasted_code_is_the_same_code(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    assert await desk.check(verification_id, f"Your code: {code[:3]} {code[3:]}") is Checked.PROVEN


async def test_the_mail_is_promised_with_the_code(desk: CodeDesk) -> None:
    variables = {"link": "https://id.example/x", "code": "000000"}
    request = replace(REQUEST, application={"name": "Wiki"}, variables=variables)
    verification_id = await desk.begin(request)
    [message] = await desk.messages()
    sealed = desk.secrets.open_json(message.payload or "")
    assert desk.secrets.open(message.recipient) == "Alice@example.com"
    assert message.usage_type == "SignIn"
    assert sealed["payload"]["link"] == "https://id.example/x"
    assert sealed["payload"]["expiresInMinutes"] == 10
    assert sealed["payload"]["application"] == {"name": "Wiki"}
    assert sealed["ip"] == "192.0.2.7"
    verification = await desk.verification(verification_id)
    assert verification
    assert message.deadline == verification.expires_at


async def test_a_code_works_once(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    checks = await asyncio.gather(*(desk.check(verification_id, code) for _ in range(4)))
    assert sorted(checks) == [Checked.EXPIRED] * 3 + [Checked.PROVEN]
    rows = await desk.database.run(lambda session: session.exec(select(VerificationCode)).all())
    assert list(rows) == []


async def test_a_wrong_code_counts(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    codes = await desk.codes()
    assert await desk.check(verification_id, wrong(*codes)) is Checked.WRONG
    verification = await desk.verification(verification_id)
    assert verification
    assert verification.attempts == 1
    assert desk.proofs.tries_left(verification) == 4


async def test_what_is_no_code_costs_no_attempt(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    assert await desk.check(verification_id, "12345") is Checked.MALFORMED
    verification = await desk.verification(verification_id)
    assert verification
    assert verification.attempts == 0


async def test_after_five_wrong_codes_the_right_one_is_too_late(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    checks = [await desk.check(verification_id, wrong(code)) for _ in range(5)]
    assert checks == [Checked.WRONG] * 4 + [Checked.EXHAUSTED]
    assert await desk.check(verification_id, code) is Checked.EXHAUSTED
    verification = await desk.verification(verification_id)
    assert verification
    assert desk.proofs.tries_left(verification) == 0


async def test_the_fifth_attempt_still_proves(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    for _ in range(4):
        await desk.check(verification_id, wrong(code))
    assert await desk.check(verification_id, code) is Checked.PROVEN


async def test_guessing_at_once_gets_no_more_attempts(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    codes = await desk.codes()
    guesses = [desk.check(verification_id, wrong(*codes)) for _ in range(20)]
    checks = await asyncio.gather(*guesses)
    assert checks.count(Checked.WRONG) == 4
    assert checks.count(Checked.EXHAUSTED) == 16


async def test_a_resend_gives_no_further_attempts(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    for _ in range(4):
        await desk.check(verification_id, wrong(*await desk.codes()))
    await desk.resend(verification_id)
    assert await desk.check(verification_id, wrong(*await desk.codes())) is Checked.EXHAUSTED
    assert await desk.check(verification_id, (await desk.codes())[-1]) is Checked.EXHAUSTED


@pytest.mark.parametrize("which", [0, 1])
async def test_after_a_resend_both_codes_are_valid(desk: CodeDesk, which: int) -> None:
    verification_id = await desk.begin()
    await desk.resend(verification_id)
    codes = await desk.codes()
    assert len(codes) == 2
    assert await desk.check(verification_id, codes[which]) is Checked.PROVEN
    assert await desk.check(verification_id, codes[1 - which]) is Checked.EXPIRED


async def test_a_resend_does_not_make_an_earlier_code_live_longer(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    await desk.age(verification_id, timedelta(minutes=10))
    await desk.resend(verification_id)
    first, second = await desk.codes()
    assert await desk.check(verification_id, first) is Checked.WRONG
    assert await desk.check(verification_id, second) is Checked.PROVEN


async def test_a_code_lives_ten_minutes(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    await desk.age(verification_id, timedelta(minutes=10))
    assert await desk.check(verification_id, code) is Checked.EXPIRED


async def test_a_code_just_short_of_ten_minutes_still_works(desk: CodeDesk) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    await desk.age(verification_id, timedelta(minutes=9, seconds=55))
    assert await desk.check(verification_id, code) is Checked.PROVEN


async def test_a_code_of_another_flow_is_refused(desk: CodeDesk) -> None:
    first, second = await desk.begin(), await desk.begin()
    codes = await desk.codes()
    assert await desk.check(first, codes[1]) is Checked.WRONG
    assert await desk.check(second, codes[1]) is Checked.PROVEN


async def test_a_code_for_another_address_or_purpose_is_refused(desk: CodeDesk) -> None:
    mine = await desk.begin()
    await desk.begin(replace(REQUEST, email="eve@example.com", email_key="eve@example.com"))
    await desk.begin(replace(REQUEST, usage_type=UsageType.FORGOT_PASSWORD))
    for code in (await desk.codes())[1:]:
        assert await desk.check(mine, code) is Checked.WRONG


async def test_an_unknown_flow_proves_nothing(desk: CodeDesk) -> None:
    assert await desk.check("gone", "428913") is Checked.EXPIRED
    with pytest.raises(LookupError):
        await desk.resend("gone")


async def test_at_rest_there_are_keyed_hashes_only(desk: CodeDesk, secret_key: str) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    row = await desk.database.run(lambda session: session.exec(select(VerificationCode)).one())
    verification = await desk.verification(verification_id)
    assert verification
    parts = ("SignIn", verification.address, verification_id, code)
    assert row.keyed_hash == Secrets([secret_key]).keyed_hash("verification code", *parts)
    other_key = Secrets([Fernet.generate_key().decode()])
    assert row.keyed_hash != other_key.keyed_hash("verification code", *parts)
    stored = f"{row!r} {verification!r} {await desk.messages()!r}"
    assert code not in stored
    assert "example.com" not in stored


async def test_codes_sent_before_a_key_rotation_stay_valid(
    desk: CodeDesk, settings: Settings, secret_key: str
) -> None:
    verification_id = await desk.begin()
    [code] = await desk.codes()
    rotated = Secrets([Fernet.generate_key().decode(), secret_key])
    outbox = Outbox(settings, rotated, load_plugins(), EmbeddedCarrier().defer)
    desk.proofs = Proofs(settings, rotated, outbox, Limits())
    assert await desk.check(verification_id, code) is Checked.PROVEN


async def test_a_silent_request_leaves_the_same_rows_and_no_mail(desk: CodeDesk) -> None:
    verification_id = await desk.begin(replace(REQUEST, silent=True))
    [message] = await desk.messages()
    assert (message.state, message.payload) == (MessageState.CANCELLED, None)
    sends = await desk.database.run(lambda session: session.exec(select(CodeSend)).all())
    assert len(sends) == 1
    assert await desk.check(verification_id, "428913") in {Checked.WRONG, Checked.PROVEN}


async def test_a_resend_waits_for_the_cooldown(
    desk: CodeDesk, make_proofs: Callable[[Limits], Proofs]
) -> None:
    desk.proofs = make_proofs(Limits())
    verification_id = await desk.begin()
    with pytest.raises(TooManySends) as refused:
        await desk.resend(verification_id)
    assert 29 <= refused.value.retry_after <= 30
    assert len(await desk.codes()) == 1


async def test_another_flow_does_not_get_around_the_limit_of_an_address(desk: CodeDesk) -> None:
    for _ in range(5):
        await desk.begin()
    with pytest.raises(TooManySends):
        await desk.begin()
    await desk.begin(replace(REQUEST, email_key="eve@example.com"))
    assert len(await desk.messages()) == 6


@pytest.mark.parametrize("usage_type", [UsageType.SIGN_IN, UsageType.REGISTER])
async def test_a_code_that_signs_in_lives_ten_minutes_however_long_others_do(
    desk: CodeDesk, settings: Settings, usage_type: UsageType
) -> None:
    longer = settings.model_copy(update={"verification_code_minutes": 60})
    outbox = Outbox(longer, desk.secrets, load_plugins(), EmbeddedCarrier().defer)
    desk.proofs = Proofs(longer, desk.secrets, outbox, Limits())
    verification = await desk.verification(
        await desk.begin(replace(REQUEST, usage_type=usage_type))
    )
    assert verification
    assert verification.expires_at - now() <= timedelta(minutes=10)
    assert desk.proofs.lifetime(UsageType.FORGOT_PASSWORD) == 60
    explicit = longer.model_copy(update={"sign_in_code_minutes": 30})
    assert Proofs(explicit, desk.secrets, outbox, Limits()).lifetime(usage_type) == 30


async def test_the_configured_length_and_lifetime_are_used(
    desk: CodeDesk, settings: Settings
) -> None:
    changed = {"verification_code_length": 8, "verification_code_minutes": 3}
    longer = settings.model_copy(update=changed)
    outbox = Outbox(longer, desk.secrets, load_plugins(), EmbeddedCarrier().defer)
    desk.proofs = Proofs(longer, desk.secrets, outbox, Limits())
    verification_id = await desk.begin()
    [code] = await desk.codes()
    verification = await desk.verification(verification_id)
    assert verification
    assert timedelta(minutes=2.9) < verification.expires_at - now() <= timedelta(minutes=3)
    assert len(code) == 8
    assert await desk.check(verification_id, code) is Checked.PROVEN
