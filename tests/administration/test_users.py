"""Accounts are found by how their address begins, whatever order a database knows."""

from collections.abc import Iterator

import pytest
from postgresql import PostgreSQL
from sqlmodel import Session

from idp.accounts.users import create_user
from idp.administration.users import find_users
from idp.storage import Database
from idp.storage.migrations import upgrade

pytestmark = pytest.mark.anyio

NAMES = ("cecil", "charlie", "ch-arles", "c", "d", "chloe+news", "bo_b", "bo.b", "élise", "zoë")


@pytest.fixture
def czech_url(postgresql: PostgreSQL) -> Iterator[str]:
    """Return the address of a database in which `ch` is a letter that comes after `h`."""
    name = postgresql.create("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'cs'")
    upgrade(postgresql.url(name))
    yield postgresql.url(name)
    postgresql.drop(name)


@pytest.fixture(params=["sqlite", pytest.param("czech", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def add_users(session: Session) -> None:
    for name in NAMES:
        create_user(session, f"{name}@example.test")


async def test_a_beginning_finds_every_address_that_has_it_page_by_page(database: Database) -> None:
    await database.run(add_users)
    for beginning in ("", "c", "C", "ch", "ch-", "bo_", "bo.", "é", "z", "x", "charlie@example.t"):
        found: list[str] = []
        before = None
        while page := await database.run(find_users, beginning, before, 2):
            found += [user.email.partition("@")[0] for user in page]
            before = page[-1].id
        key = beginning.casefold().partition("@")[0]
        assert sorted(found) == sorted(name for name in NAMES if name.startswith(key))
        assert found == sorted(found) or not beginning


@pytest.mark.parametrize("name", NAMES)
async def test_an_address_or_an_id_finds_its_account(database: Database, name: str) -> None:
    await database.run(add_users)
    [user] = await database.run(find_users, f"{name.upper()}@Example.Test")
    assert user.email == f"{name}@example.test"
    assert await database.run(find_users, user.id) == [user]
