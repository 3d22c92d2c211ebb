"""Passwords: slow to guess, and as slow when there is none."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher, Type
from pwdlib.hashers.bcrypt import BcryptHasher

from idp.accounts.passwords import MAXIMUM_LENGTH, Passwords, TooManyPasswords, is_weak
from idp.settings import Settings

PASSWORD = "correct horse battery staple"


@pytest.fixture
def passwords(settings: Settings) -> Passwords:
    return Passwords(settings)


async def test_the_right_password_is_accepted_and_a_wrong_one_is_not(passwords: Passwords) -> None:
    password_hash = await passwords.hash(PASSWORD)
    assert await passwords.verify(PASSWORD, password_hash)
    assert not await passwords.verify(PASSWORD + "r", password_hash)
    assert not await passwords.verify("", password_hash)


async def test_a_hash_is_argon2id_with_the_recommended_cost_and_a_salt_of_its_own(
    passwords: Passwords,
) -> None:
    first, second = await asyncio.gather(passwords.hash(PASSWORD), passwords.hash(PASSWORD))
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second


async def test_the_cost_is_a_setting_and_old_hashes_follow_it(settings: Settings) -> None:
    before = await Passwords(settings).hash(PASSWORD)
    dearer = {"argon2_memory_kib": 8192, "argon2_passes": 8}
    passwords = Passwords(settings.model_copy(update=dearer))
    is_right, newer = await passwords.verify_and_update(PASSWORD, before)
    assert is_right
    assert newer is not None
    assert newer.startswith("$argon2id$v=19$m=8192,t=8,p=1$")
    assert await passwords.verify_and_update(PASSWORD, newer) == (True, None)
    assert await passwords.verify_and_update("wrong", before) == (False, None)


@pytest.mark.parametrize(
    "imported", [BcryptHasher(rounds=4), PasswordHasher(1, 64, 1, type=Type.I)]
)
async def test_a_hash_from_elsewhere_is_verified_and_replaced(
    passwords: Passwords, imported: BcryptHasher | PasswordHasher
) -> None:
    stored = imported.hash(PASSWORD)
    is_right, newer = await passwords.verify_and_update(PASSWORD, stored)
    assert is_right
    assert newer is not None
    assert newer.startswith("$argon2id$")
    assert await passwords.verify_and_update("wrong", stored) == (False, None)


async def test_a_long_password_matches_bcrypts_beginning_of_it_and_is_then_kept_whole(
    passwords: Passwords,
) -> None:
    long = "ä" * 50  # 100 bytes
    stored = BcryptHasher(rounds=4).hash(long.encode()[:72])
    _, newer = await passwords.verify_and_update(long, stored)
    assert newer is not None
    assert await passwords.verify(long, newer)
    assert not await passwords.verify("ä" * 36, newer)


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=1", "$2b$04$short"])
async def test_what_is_no_hash_matches_nothing(passwords: Passwords, stored: str) -> None:
    assert await passwords.verify_and_update(PASSWORD, stored) == (False, None)
    assert not await passwords.verify(stored, stored)


async def test_the_longest_password_counts_to_its_last_character(passwords: Passwords) -> None:
    longest = "x" * (MAXIMUM_LENGTH - 1)
    password_hash = await passwords.hash(longest + "a")
    assert await passwords.verify(longest + "a", password_hash)
    assert not await passwords.verify(longest + "b", password_hash)


async def test_without_a_hash_every_password_is_wrong_and_takes_as_long(
    passwords: Passwords,
) -> None:
    password_hash = await passwords.hash(PASSWORD)
    assert not await passwords.verify(PASSWORD, None)

    async def fastest(stored: str | None) -> float:
        times = []
        for _ in range(5):
            started = time.process_time()  # of all threads, and of no other process
            await passwords.verify("wrong", stored)
            times.append(time.process_time() - started)
        return min(times)

    known, unknown = await fastest(password_hash), await fastest(None)
    assert 0.5 < unknown / known < 2


async def test_hashing_does_not_hold_the_event_loop_up(passwords: Passwords) -> None:
    hashing = asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5


async def test_a_flood_is_refused_and_those_already_waiting_are_served(settings: Settings) -> None:
    passwords = Passwords(settings.model_copy(update={"password_queue": 2}))
    asked = [passwords.hash(PASSWORD) for _ in range(20)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooManyPasswords)]
    assert 0 < len(refused) < 20
    assert await passwords.verify(PASSWORD, next(a for a in answers if isinstance(a, str)))


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
