"""Passwords: slow to guess, and as slow when there is none."""

import asyncio
import time

import pytest

from idp.accounts.passwords import MAXIMUM_LENGTH, hash_password, is_weak, verify_password

PASSWORD = "correct horse battery staple"


async def test_the_right_password_is_accepted_and_a_wrong_one_is_not() -> None:
    password_hash = await hash_password(PASSWORD)
    assert await verify_password(PASSWORD, password_hash)
    assert not await verify_password(PASSWORD + "r", password_hash)
    assert not await verify_password("", password_hash)


async def test_a_hash_is_argon2id_with_the_recommended_cost_and_a_salt_of_its_own() -> None:
    first, second = await asyncio.gather(hash_password(PASSWORD), hash_password(PASSWORD))
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second


async def test_the_longest_password_counts_to_its_last_character() -> None:
    longest = "x" * (MAXIMUM_LENGTH - 1)
    password_hash = await hash_password(longest + "a")
    assert await verify_password(longest + "a", password_hash)
    assert not await verify_password(longest + "b", password_hash)


async def test_without_a_hash_every_password_is_wrong_and_takes_as_long() -> None:
    password_hash = await hash_password(PASSWORD)
    assert not await verify_password(PASSWORD, None)

    async def fastest(stored: str | None) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            await verify_password("wrong", stored)
            times.append(time.perf_counter() - started)
        return min(times)

    known, unknown = await fastest(password_hash), await fastest(None)
    assert 0.5 < unknown / known < 2


async def test_hashing_does_not_hold_the_event_loop_up() -> None:
    hashing = asyncio.gather(*(hash_password(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5


@pytest.mark.parametrize(
    "password", ["", "1234567", "xK9#vQ2", "password", "qwertyuiop", "aaaaaaaaaaaa", "x" * 257]
)
def test_a_short_or_common_password_is_weak(password: str) -> None:
    assert is_weak(password)


def test_a_long_phrase_is_not_weak() -> None:
    assert not is_weak(PASSWORD)


def test_a_password_made_of_the_persons_own_words_is_weaker() -> None:
    assert not is_weak("quimby7wortham")
    assert is_weak("quimby7wortham", "quimby7wortham@example.com", "quimby7wortham")
