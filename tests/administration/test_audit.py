"""The audit log keeps who did what."""

from idp.administration.audit import Actor, Filter, Target, entries, record
from idp.storage import Database

ADMIN = Actor("user", "u1", ip="192.0.2.7")
CONNECTOR = Target("connector", "c1")


async def test_the_newest_entry_comes_first(database: Database) -> None:
    await database.run(record, ADMIN, "connector.create", CONNECTOR, {"fields": ["host"]})
    await database.run(record, Actor("cli"), "keys.rotate", refused=True)
    rotated, created = await database.run(entries, Filter())
    assert (rotated.actor_type, rotated.action, rotated.refused) == ("cli", "keys.rotate", True)
    assert (created.actor_id, created.ip, created.target_id) == ("u1", "192.0.2.7", "c1")
    assert created.details == {"fields": ["host"]}


async def test_entries_are_found_by_who_by_what_and_page_by_page(database: Database) -> None:
    for action in ("connector.create", "connector.update", "user.delete"):
        await database.run(record, ADMIN, action, CONNECTOR if "connector" in action else None)
    newest = (await database.run(entries, Filter(actor_id="u1"), 1))[0]
    assert newest.action == "user.delete"
    older = await database.run(entries, Filter(before=newest.id))
    assert [entry.action for entry in older] == ["connector.update", "connector.create"]
    assert await database.run(entries, Filter(target=CONNECTOR)) == older
    assert await database.run(entries, Filter(action="user.delete")) == [newest]
    assert await database.run(entries, Filter(actor_id="somebody else")) == []
