"""What a load balancer asks, and what it is told."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from history import message
from scripted import ScriptedConnector
from sqlmodel import Session, text

from idp.connectors import save_connector
from idp.storage import Database, Secrets
from idp.storage.tables import Breaker, BreakerState, MessageState, now

Watch = Callable[..., Awaitable[httpx2.AsyncClient]]


class Post(ScriptedConnector, target="post"):
    pass


async def test_a_server_whose_database_is_current_is_ready(watch: Watch) -> None:
    answer = await (await watch()).get("/readyz")
    assert answer.status_code == 200
    delivery = {"state": "ok", "oldest_overdue_seconds": 0, "connectors_resting": []}
    expected = {"status": "ready", "database": "ok", "migrations": "current"}
    assert answer.json() == {**expected, "delivery": delivery}


@pytest.mark.parametrize(("overdue", "state"), [(9, "ok"), (12, "stuck")])
async def test_delivery_that_is_stuck_is_told_but_does_not_send_people_away(
    watch: Watch, database: Database, overdue: float, state: str
) -> None:
    def neglect(session: Session) -> None:
        due_at = now() - timedelta(seconds=overdue)
        session.add(message(due_at=due_at, state=MessageState.SENDING))

    await database.run(neglect)
    answer = await (await watch()).get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["delivery"]["state"] == state
    assert overdue <= answer.json()["delivery"]["oldest_overdue_seconds"] < overdue + 2


async def test_connectors_that_rest_are_named(
    watch: Watch, database: Database, secrets: Secrets
) -> None:
    instance = await database.run(save_connector, secrets, Post, {})
    opened = Breaker(connector_id=instance.id, state=BreakerState.OPEN)
    await database.run(lambda session: session.merge(opened))
    report = (await (await watch()).get("/readyz")).json()
    assert report["delivery"]["connectors_resting"] == [instance.id]


async def test_tables_of_another_version_are_not_ready(watch: Watch, database: Database) -> None:
    async def set_version(version: str) -> str:
        def change(session: Session) -> str:
            was = session.connection().scalar(text("SELECT version_num FROM alembic_version"))
            renumber = text("UPDATE alembic_version SET version_num = :version")
            session.connection().execute(renumber, {"version": version})
            return str(was)

        return await database.run(change)

    current = await set_version("0000")
    answer = await (await watch()).get("/readyz")
    await set_version(current)
    assert answer.status_code == 503
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["migrations"] == "not current"


@pytest.mark.parametrize("scheme", ["sqlite", "postgresql"])
async def test_a_database_that_is_gone_is_not_ready(
    watch: Watch, tmp_path: Path, scheme: str
) -> None:
    gone = {
        "sqlite": f"sqlite:///{tmp_path / 'gone' / 'idp.db'}",
        "postgresql": f"postgresql://nobody@/idp?host={tmp_path}",
    }
    client = await watch(database_url=gone[scheme])
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "unreachable"}


async def test_an_outsider_learns_only_whether_it_is_ready(watch: Watch) -> None:
    client = await watch(issuer="https://id.example.com", metrics_token="a-token-for-monitoring")
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    known = {"Authorization": "Bearer a-token-for-monitoring"}
    assert "delivery" in (await client.get("/readyz", headers=known)).json()
