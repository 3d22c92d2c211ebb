"""What applications may do for a person, as that person sees it."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from idp.accounts.grants import list_grants, revoke_grants
from idp.accounts.users import create_user
from idp.storage import Database
from idp.storage.tables import AccessToken, Client, Consent, Grant, RefreshToken, now


@pytest.fixture
async def alice(database: Database) -> str:
    def fill(session: Session) -> str:
        user_id = create_user(session, "alice@example.com").id
        session.add_all([Client(id=name, name=name, redirect_uris=[]) for name in ("wiki", "blog")])
        return user_id

    return await database.run(fill)


def add(session: Session, user_id: str, client_id: str, scope: str, refresh_for: float = 1) -> None:
    """Grant something; the access token has expired, the refresh token lasts so many hours."""
    row = Grant(client_id=client_id, user_id=user_id, scope=scope, auth_time=now())
    session.add(row)
    session.flush()
    key, hour = row.id, timedelta(hours=1)
    session.add(
        AccessToken(
            client_id=client_id,
            fingerprint=f"a{key}",
            grant_id=key,
            scope="",
            expires_at=now() - hour,
        )
    )
    end = now() + refresh_for * hour
    session.add(RefreshToken(fingerprint=f"r{key}", grant_id=key, expires_at=end))


async def test_several_grants_to_one_application_are_one_line(
    database: Database, alice: str
) -> None:
    for client_id, scope in (("wiki", "openid email"), ("wiki", "openid profile"), ("blog", "a")):
        await database.run(add, alice, client_id, scope)
    listed = await database.run(list_grants, alice)
    assert [(each.name, each.scopes) for each in listed] == [
        ("blog", ("a",)),
        ("wiki", ("email", "openid", "profile")),
    ]


async def test_a_grant_without_a_living_token_is_not_listed(database: Database, alice: str) -> None:
    await database.run(add, alice, "wiki", "openid", refresh_for=-1)
    assert await database.run(list_grants, alice) == []


async def test_revoking_ends_what_one_person_gave_one_application(
    database: Database, alice: str
) -> None:
    bob = (await database.run(create_user, "bob@example.com")).id
    for user_id, client_id in ((alice, "wiki"), (alice, "blog"), (bob, "wiki")):
        await database.run(add, user_id, client_id, "openid")
    await database.run(revoke_grants, alice, "wiki")
    revoked = select(Grant.user_id, Grant.client_id).where(col(Grant.revoked_at).is_not(None))
    rows = await database.run(lambda session: session.exec(revoked).all())
    assert [tuple(row) for row in rows] == [(alice, "wiki")]
    assert [each.name for each in await database.run(list_grants, alice)] == ["blog"]


async def test_what_a_person_agreed_to_is_listed_until_they_take_it_back(
    database: Database, alice: str
) -> None:
    def agree(session: Session) -> None:
        session.add(Consent(user_id=alice, client_id="wiki", scope="openid email"))

    await database.run(agree)
    await database.run(add, alice, "wiki", "openid profile")
    listed = await database.run(list_grants, alice)
    assert [each.scopes for each in listed] == [("email", "openid", "profile")]
    await database.run(revoke_grants, alice, "wiki")
    assert await database.run(list_grants, alice) == []
    assert await database.run(lambda session: session.exec(select(Consent)).all()) == []
