"""Accounts: one person, one address, however it is written."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from idp.accounts.users import (
    address_key,
    change_address,
    change_profile,
    create_user,
    find_user,
    set_password,
)
from idp.storage import Database
from idp.storage.tables import User


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("Alice@Example.COM", "alice@example.com"),
        ("a.b+tag@example.com", "a.b+tag@example.com"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
        ("Ünal@example.com", "ünal@example.com"),
        ("admin@intranet.local", "admin@intranet.local"),
    ],
)
def test_an_address_is_compared_without_regard_to_its_spelling(email: str, key: str) -> None:
    assert address_key(email) == key
    assert address_key(key) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@example.com",
        "a@x.com,b@y.com",
        "x@corp.com@evil.com",
        "Alice <alice@example.com>",
        "alice@example.com\r\nBcc: eve@example.com",
    ],
)
def test_anything_but_one_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        address_key(text)
    assert "alice" not in str(caught.value)


async def test_an_account_is_found_by_its_key(database: Database) -> None:
    user = await database.run(create_user, "Alice@Example.com", locale="de")
    assert (user.email, user.email_key) == ("Alice@Example.com", "alice@example.com")
    assert (user.email_verified, user.locale, user.password_hash) == (True, "de", None)
    found = await database.run(find_user, "alice@example.com")
    assert found
    assert found.id == user.id
    assert await database.run(find_user, "bob@example.com") is None


async def test_there_are_no_two_accounts_with_one_address(database: Database) -> None:
    await database.run(create_user, "alice@example.com")
    with pytest.raises(IntegrityError):
        await database.run(create_user, "ALICE@example.com")


async def test_a_password_is_replaced(database: Database) -> None:
    user = await database.run(create_user, "alice@example.com", password_hash="old")
    await database.run(set_password, user.id, "new")
    changed = await database.run(find_user, "alice@example.com")
    assert changed
    assert changed.password_hash == "new"
    assert changed.updated_at > user.updated_at


async def test_an_address_is_changed_unless_another_account_has_it(database: Database) -> None:
    alice = await database.run(create_user, "alice@example.com")
    await database.run(create_user, "bob@example.com")
    assert await database.run(change_address, alice.id, "BOB@example.com") is None
    changed = await database.run(change_address, alice.id, "Alice@Elsewhere.example")
    assert changed
    assert (changed.email, changed.email_key) == (
        "Alice@Elsewhere.example",
        "alice@elsewhere.example",
    )
    assert await database.run(find_user, "alice@example.com") is None


async def test_a_profile_keeps_the_claims_it_does_not_show(database: Database) -> None:
    alice = await database.run(create_user, "alice@example.com", locale="en")

    def import_claims(session: Session) -> None:
        session.get_one(User, alice.id).claims = {"zoneinfo": "Europe/Berlin", "name": "A"}

    await database.run(import_claims)
    said = {"name": "", "given_name": "Alice", "admin": "yes"}
    await database.run(change_profile, alice.id, said, "de")
    changed = await database.run(find_user, "alice@example.com")
    assert changed
    assert changed.claims == {"zoneinfo": "Europe/Berlin", "given_name": "Alice"}
    assert changed.locale == "de"
    assert changed.updated_at > alice.updated_at
