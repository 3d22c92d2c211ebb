"""`/metrics` for Prometheus, made from the rows at each scrape: the same whoever delivers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlmodel import Session

from idp.connectors import list_connectors
from idp.operations.totals import BUCKETS, Totals, totals
from idp.outbox.log import Backlog, backlog, breakers, workers
from idp.plugins import Plugins
from idp.storage.tables import Breaker, BreakerState, Connector, MessageState, Worker, now

_UNBOUNDED = "+Inf"


@dataclass(frozen=True)
class Snapshot:
    """What the rows say at one moment."""

    taken_at: datetime
    totals: Totals
    backlog: Backlog
    connectors: list[Connector]
    breakers: list[Breaker]
    workers: list[Worker]


def take(session: Session) -> Snapshot:
    """Read everything /metrics shows, in one transaction."""
    return Snapshot(
        now(),
        totals(session),
        backlog(session),
        list_connectors(session),
        breakers(session),
        workers(session),
    )


class Metrics(Collector):
    """A snapshot as prometheus-client wants it."""

    def __init__(self, snapshot: Snapshot, plugins: Plugins) -> None:
        self._snapshot = snapshot
        self._plugins = plugins

    def collect(self) -> Iterable[Metric]:
        snapshot = self._snapshot
        yield from _waiting(snapshot.backlog)
        yield from _counted(snapshot.totals)
        yield from _connectors(snapshot, self._plugins)
        yield from _workers(snapshot)
        yield _use(snapshot.workers)
        yield from ProcessCollector(registry=None).collect()


def _waiting(waiting: Backlog) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "idp_messages_waiting", "Promised mails that have not ended yet.", labels=["state"]
    )
    messages.add_metric(["promised"], waiting.promised)
    messages.add_metric(["sending"], waiting.sending)
    yield messages
    yield GaugeMetricFamily(
        "idp_message_oldest_overdue_seconds",
        "How long the most neglected mail has been due without anybody delivering it.",
        waiting.oldest_overdue,
    )


def _counted(reached: Totals) -> Iterator[Metric]:
    ended = "Mails that reached an end, by the end and the kind of mail."
    attempts = "Attempts to give a mail to a connector instance, by their outcome."
    yield _counter(reached, "idp_messages_ended", "ended", ended, ["state", "usage_type"])
    yield _counter(reached, "idp_delivery_attempts", "attempts", attempts, ["connector", "outcome"])
    # Always there, so that an alert sees the first one.
    expired = sum(value for (each, values), value in reached.items() if _is_expired(each, values))
    yield CounterMetricFamily(
        "idp_messages_expired_unsent", "Mails whose deadline passed before they were sent.", expired
    )
    yield CounterMetricFamily(
        "idp_delivery_failovers",
        "Mails sent by a fallback because an instance before it could not.",
        reached.get(("failovers", ()), 0),
    )
    sent = "Time from the promise of a mail until a provider accepted it."
    yield _histogram(reached, "idp_message_promised_to_sent_seconds", "promised_to_sent", sent, [])
    tried = "Time a connector instance took for one attempt."
    yield _histogram(reached, "idp_delivery_attempt_seconds", "attempt", tried, ["connector"])


def _is_expired(name: str, labels: tuple[str, ...]) -> bool:
    return name == "ended" and labels[0] == MessageState.EXPIRED


def _counter(reached: Totals, name: str, key: str, documentation: str, labels: list[str]) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for (each, values), value in sorted(reached.items()):
        if each == key:
            family.add_metric(values, value)
    return family


def _histogram(
    reached: Totals, name: str, key: str, documentation: str, labels: list[str]
) -> Metric:
    family = HistogramMetricFamily(name, documentation, labels=labels)
    for (each, values), seconds in sorted(reached.items()):
        if each == f"{key}_sum":
            family.add_metric(values, _cumulated(reached, f"{key}_bucket", values), seconds)
    return family


def _cumulated(reached: Totals, key: str, labels: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return how many took no longer than each bound."""
    counted = {
        float(values[-1]): value
        for (each, values), value in reached.items()
        if each == key and values[:-1] == labels
    }
    bounds = [*map(str, BUCKETS), _UNBOUNDED]
    return [
        (bound, sum(count for most, count in counted.items() if most <= float(bound)))
        for bound in bounds
    ]


def _connectors(snapshot: Snapshot, plugins: Plugins) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "idp_connector_info",
        "The saved connector instances in the order of failover; always 1.",
        labels=["connector", "target", "position"],
    )
    for place, instance in enumerate(snapshot.connectors):
        found = plugins.connectors.get(instance.connector_id)
        target = found.metadata.target if found else ""
        info.add_metric([instance.id, target, str(place)], 1)
    yield info
    states = {breaker.connector_id: breaker.state for breaker in snapshot.breakers}
    breaker_states = GaugeMetricFamily(
        "idp_connector_breaker",
        "Whether mails are given to a connector instance: 1 for the state it is in.",
        labels=["connector", "state"],
    )
    for instance in snapshot.connectors:
        current = states.get(instance.id, BreakerState.CLOSED)
        for state in BreakerState:
            breaker_states.add_metric([instance.id, state], float(state is current))
    yield breaker_states


def _workers(snapshot: Snapshot) -> Iterator[Metric]:
    silent = GaugeMetricFamily(
        "idp_worker_silent_seconds",
        "How long ago a process that delivers last reported itself.",
        labels=["worker", "carrier"],
    )
    wake = GaugeMetricFamily(
        "idp_worker_wake_seconds",
        "How long the last wake-up through PostgreSQL took to arrive; absent when it was lost.",
        labels=["worker", "carrier"],
    )
    for worker in snapshot.workers:
        labels = [worker.name, worker.carrier]
        silent.add_metric(labels, (snapshot.taken_at - worker.seen_at).total_seconds())
        if worker.wake_seconds is not None:
            wake.add_metric(labels, worker.wake_seconds)
    yield silent
    yield wake


def _use(workers: list[Worker]) -> Metric:
    family = GaugeMetricFamily(
        "idp_connector_use",
        "What a connector instance in a worker says of itself, such as its connections.",
        labels=["worker", "connector", "what"],
    )
    for worker in workers:
        for connector, values in worker.gauges.items():
            for what, value in values.items():
                family.add_metric([worker.name, connector, what], value)
    return family
