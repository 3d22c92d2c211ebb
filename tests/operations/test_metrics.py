"""What Prometheus reads."""

import math
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from history import attempt, message
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from scripted import ScriptedConnector, plugin_of
from sqlmodel import Session

from idp.connectors import Connectors, save_connector
from idp.operations.metrics import Metrics, take
from idp.outbox.ledger import report_worker
from idp.plugins import load_plugins
from idp.storage import Database, Secrets
from idp.storage.tables import Breaker, BreakerState, MessageState, Worker, now

Watch = Callable[..., Awaitable[httpx2.AsyncClient]]
Samples = dict[str, dict[tuple[str, ...], float]]

TOKEN = "a-token-for-monitoring"


class Post(ScriptedConnector, target="post"):
    def gauges(self) -> Mapping[str, float]:
        return {"connections_in_use": 3, "hit_rate": math.nan}


class Sulking(ScriptedConnector, target="sulking"):
    def gauges(self) -> Mapping[str, float]:
        raise RuntimeError("hunter2")


async def scrape(client: httpx2.AsyncClient, **headers: str) -> Samples:
    """Return the samples by their names and the values of their labels, in the labels' order."""
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    is_openmetrics = answer.headers["content-type"].startswith("application/openmetrics-text")
    samples: Samples = {}
    for family in (read_openmetrics if is_openmetrics else read_text)(answer.text):
        for sample in family.samples:
            values = tuple(value for _, value in sorted(sample.labels.items()))
            samples.setdefault(sample.name, {})[values] = sample.value
    return samples


def a_day(session: Session) -> None:
    """A mail sent by a fallback, one too late, one that waits, one that nobody delivers."""
    session.add(message(now(), took=600, state=MessageState.EXPIRED))
    session.add(message(due_at=now() + timedelta(minutes=5)))
    session.add(message(due_at=now() - timedelta(seconds=40), state=MessageState.SENDING))
    sent = message(now(), took=0.3, saved_by_fallback=True)
    session.add(sent)
    session.flush()
    attempt(session, sent, now(), "first", outcome="TransientFailure", duration=4)
    attempt(session, sent, now(), "second", duration=0.02)
    session.add(Worker(name="host/1/ab", carrier="embedded", wake_seconds=0.003))


async def test_the_rows_are_what_is_measured(watch: Watch, database: Database) -> None:
    await database.run(a_day)
    found = await scrape(await watch())
    assert found["idp_messages_waiting"] == {("promised",): 1, ("sending",): 1}
    assert 40 <= found["idp_message_oldest_overdue_seconds"][()] < 50
    ends = {("sent", "SignIn"): 1, ("expired", "SignIn"): 1}
    assert found["idp_messages_ended_total"] == ends
    assert found["idp_messages_expired_unsent_total"] == {(): 1}
    assert found["idp_delivery_failovers_total"] == {(): 1}
    outcomes = {("first", "TransientFailure"): 1, ("second", "sent"): 1}
    assert found["idp_delivery_attempts_total"] == outcomes
    assert found["idp_worker_wake_seconds"] == {("embedded", "host/1/ab"): 0.003}
    assert 0 <= found["idp_worker_silent_seconds"]["embedded", "host/1/ab"] < 10


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux says what a process uses.")
async def test_the_process_that_was_asked_says_what_it_uses(watch: Watch) -> None:
    assert (await scrape(await watch()))["process_resident_memory_bytes"][()] > 0


async def test_without_a_database_there_are_no_figures(watch: Watch, tmp_path: Path) -> None:
    client = await watch(database_url=f"sqlite:///{tmp_path / 'gone' / 'idp.db'}")
    answer = await client.get("/metrics")
    assert (answer.status_code, "Traceback" in answer.text) == (503, False)


async def test_histograms_say_how_long_sending_took(watch: Watch, database: Database) -> None:
    await database.run(a_day)
    found = await scrape(await watch())
    waited = found["idp_message_promised_to_sent_seconds_bucket"]
    assert [waited[bound,] for bound in ("0.25", "0.5", "600.0", "+Inf")] == [0, 1, 1, 1]
    assert found["idp_message_promised_to_sent_seconds_sum"][()] == pytest.approx(0.3, abs=0.01)
    assert found["idp_message_promised_to_sent_seconds_count"][()] == 1
    took = found["idp_delivery_attempt_seconds_bucket"]
    assert (took["first", "2.5"], took["first", "5.0"], took["second", "0.025"]) == (0, 1, 1)


async def test_connectors_say_what_they_use_and_a_broken_one_says_nothing(
    watch: Watch, database: Database, secrets: Secrets
) -> None:
    plugins = load_plugins([plugin_of(Post, Sulking)])
    connectors = Connectors(database, secrets, plugins)
    first = await database.run(save_connector, secrets, Post, {})
    await database.run(save_connector, secrets, Sulking, {})
    await connectors.in_order()
    worker = Worker(name="host/1/ab", carrier="embedded", gauges=connectors.gauges())
    await database.run(report_worker, worker)
    await connectors.aclose()
    found = await scrape(await watch(plugin_of(Post, Sulking)))
    in_use = (first.id, "connections_in_use", "host/1/ab")
    assert found["idp_connector_use"] == {in_use: 3}


async def test_a_breaker_that_opened_shows(
    watch: Watch, database: Database, secrets: Secrets
) -> None:
    first = await database.run(save_connector, secrets, Post, {})
    second = await database.run(save_connector, secrets, Sulking, {})
    opened = Breaker(connector_id=first.id, state=BreakerState.OPEN, reason="busy")
    await database.run(lambda session: session.merge(opened))
    found = await scrape(await watch(plugin_of(Post, Sulking)))
    info = found["idp_connector_info"]
    assert info == {(first.id, "0", "post"): 1, (second.id, "1", "sulking"): 1}
    states = found["idp_connector_breaker"]
    shown = [states[first.id, state] for state in ("closed", "open", "half_open")]
    assert shown == [0, 1, 0]
    assert states[second.id, "closed"] == 1


async def test_a_program_that_asks_for_openmetrics_gets_it(watch: Watch) -> None:
    wanted = "application/openmetrics-text; version=1.0.0"
    found = await scrape(await watch(), accept=wanted)
    assert found["idp_delivery_failovers_total"] == {(): 0}
    assert found["idp_messages_expired_unsent_total"] == {(): 0}


@pytest.mark.parametrize(
    ("header", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), ("Bearer wrong", 401), ("", 401)],
)
async def test_with_a_token_only_who_knows_it_may_read(
    watch: Watch, header: str, status: int
) -> None:
    client = await watch(metrics_token=TOKEN)
    answer = await client.get("/metrics", headers={"Authorization": header})
    assert answer.status_code == status
    assert ("idp_messages_waiting" in answer.text) is (status == 200)


async def test_on_a_public_address_nobody_may_read_without_a_token(watch: Watch) -> None:
    client = await watch(issuer="https://id.example.com")
    answer = await client.get("/metrics")
    assert answer.status_code == 401
    assert "IDP_METRICS_TOKEN" in answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"


DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


async def test_every_metric_is_documented_with_its_labels(database: Database) -> None:
    families = list(Metrics(await database.run(take), load_plugins()).collect())
    own = [family for family in families if family.name.startswith("idp_")]
    assert len(own) == 13
    for family in own:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(getattr(family, "_labelnames", ()))
        assert re.search(rf"^\| `{name}` \| {labels} ?\|", DOCUMENT, re.MULTILINE), (name, labels)


async def test_alerts_name_metrics_there_are(watch: Watch, database: Database) -> None:
    await database.run(a_day)
    text = (await (await watch()).get("/metrics")).text
    named = set(
        re.findall(r"\bidp_\w+", "".join(re.findall(r"expr:.*?annotations", DOCUMENT, re.S)))
    )
    assert len(named) >= 6
    assert [name for name in named if name not in text] == []
