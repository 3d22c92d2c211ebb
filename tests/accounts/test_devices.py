"""Browsers a person has signed in with."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from idp.accounts.devices import is_known_device, is_new_device, name_device
from idp.accounts.users import create_user
from idp.storage import Database
from idp.storage.tables import KnownDevice, now

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Linux",
        ),
        (f"{WINDOWS} {ENGINE} Chrome/140.0.0.0 Safari/537.36", "Chrome, Windows"),
        (f"{WINDOWS} {ENGINE} Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        (f"Mozilla/5.0 (Linux; Android 16) {ENGINE} Chrome/140.0", "Chrome, Android"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("x" * 500, "x" * 40),
        ("", ""),
    ],
)
def test_a_browser_has_a_name_of_a_few_words(user_agent: str, name: str) -> None:
    assert name_device(user_agent) == name


async def test_only_a_further_browser_is_new(database: Database) -> None:
    alice = await database.run(create_user, "alice@example.com")
    bob = await database.run(create_user, "bob@example.com")
    assert not await database.run(is_new_device, alice.id, "first")
    assert not await database.run(is_new_device, alice.id, "first")
    assert await database.run(is_new_device, alice.id, "second")
    assert not await database.run(is_new_device, alice.id, "second")
    assert not await database.run(is_new_device, bob.id, "second")


async def test_a_browser_is_known_to_the_account_used_in_it(database: Database) -> None:
    alice = await database.run(create_user, "alice@example.com")
    await database.run(create_user, "bob@example.com")
    await database.run(is_new_device, alice.id, "first")
    assert await database.run(is_known_device, "alice@example.com", "first")
    assert not await database.run(is_known_device, "alice@example.com", "second")
    assert not await database.run(is_known_device, "bob@example.com", "first")


async def test_a_browser_in_use_is_remembered_longer_and_its_cookie_not_stored(
    database: Database,
) -> None:
    alice = await database.run(create_user, "alice@example.com")
    await database.run(is_new_device, alice.id, "the cookie")

    def age(session: Session) -> None:
        session.exec(select(KnownDevice)).one().expires_at = now() + timedelta(days=1)

    await database.run(age)
    await database.run(is_new_device, alice.id, "the cookie")
    row = await database.run(lambda session: session.exec(select(KnownDevice)).one())
    assert row.expires_at > now() + timedelta(days=399)
    assert "the cookie" not in repr(row)
