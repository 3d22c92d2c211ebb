"""Links in mails: for a time, for one use, and kept as a hash only."""

from datetime import timedelta

from sqlmodel import Session, select

from idp.accounts.links import find_link, issue_link, use_link
from idp.settings import Settings
from idp.storage import Database
from idp.storage.tables import LinkPurpose, MailedLink, now

LIFETIME = timedelta(minutes=10)


async def issue(database: Database, settings: Settings) -> str:
    """Return the token of a new link."""

    def invite(session: Session) -> str:
        purpose = LinkPurpose.INVITATION
        return issue_link(session, settings, purpose, LIFETIME, email="a@example.com")

    link = await database.run(invite)
    assert link.startswith(f"{settings.issuer}/links/")
    return link.rpartition("/")[2]


async def test_a_link_is_found_until_it_is_used(database: Database, settings: Settings) -> None:
    link_token = await issue(database, settings)
    assert await database.run(find_link, link_token)
    used = await database.run(use_link, link_token)
    assert used
    assert used.email == "a@example.com"
    assert await database.run(find_link, link_token) is None
    assert await database.run(use_link, link_token) is None


async def test_a_link_ends_with_its_time(database: Database, settings: Settings) -> None:
    link_token = await issue(database, settings)

    def age(session: Session) -> None:
        session.exec(select(MailedLink)).one().expires_at = now()

    await database.run(age)
    assert await database.run(find_link, link_token) is None
    assert await database.run(use_link, link_token) is None


async def test_two_links_differ_and_neither_token_is_stored(
    database: Database, settings: Settings
) -> None:
    tokens = [await issue(database, settings) for _ in range(2)]
    rows = await database.run(lambda session: session.exec(select(MailedLink)).all())
    assert tokens[0] != tokens[1]
    assert all(link_token not in repr(rows) for link_token in tokens)
    assert await database.run(find_link, "made-up") is None
