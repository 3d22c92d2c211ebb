"""One run: promise mails, kill processes meanwhile, let everything settle, count."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chaos import records
from chaos.audit import Audit, audit
from chaos.crowd import Crowd
from chaos.deployment import Deployment
from chaos.records import Asked, Taken
from chaos.rows import read_rows, wait_for_ends
from idp.outbox import policy

PATIENCE = policy.LEASE + timedelta(seconds=30)
"""How long after its deadline a mail may stay without an end.

An invitation whose sender was killed keeps its lease, and on PostgreSQL is then found by a sweep
that comes every 15 s and leaves out what is overdue by less than 10 s.
"""

_AT_WORK = 4.0
"""So many seconds at most between the moment all processes are at work and the next kill."""
_TO_START = 1.5  # seconds, about
_ALSO_THE_PROMISER = 0.3
_LONGEST_WAIT = 300.0  # seconds for what is still to be promised


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How bad it gets."""

    seed: str
    mails: int
    """At least so many are promised."""
    kills: int
    """So many processes that serve or deliver are killed."""
    restarts: int = 1
    """So often the database is restarted, where it is a server."""

    @property
    def per_second(self) -> float:
        """Return how many codes people must ask for to be done when the last kill is."""
        return self.mails / (self.kills * (_AT_WORK / 2 + _TO_START))


@dataclass
class Storm:
    """A plan, carried out on a deployment."""

    plan: Plan
    deployment: Deployment
    chance: random.Random = field(init=False)
    strikes: list[float] = field(default_factory=list)
    """When a process was killed, and when the database went and came back."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)

    def run(self) -> Audit:
        self._rage()
        wait_for_ends(self.deployment.database_url, PATIENCE)
        result = audited(self.deployment, self.strikes)
        result.counts["kills"] = self.plan.kills
        result.counts["database restarts"] = len(self._restarts())
        idp = [*self.deployment.web, *self.deployment.workers]
        result.counts["ended by itself"] = sum(each.ended_by_itself for each in idp)
        return result

    def _rage(self) -> None:
        deployment, plan = self.deployment, self.plan
        people = Crowd(deployment.sites, deployment.asked[0], plan.seed, plan.per_second)
        with ThreadPoolExecutor(1) as thread:
            crowd = thread.submit(people.run)
            try:
                self._strike_all()
                wait_for_promises(deployment, plan.mails)
            finally:
                people.leave.set()
            crowd.result()
        deployment.promiser.kill()

    def _strike_all(self) -> None:
        restarts = self._restarts()
        for number in range(self.plan.kills):
            self.deployment.wait_until_at_work()
            time.sleep(self.chance.uniform(0, _AT_WORK))
            if number in restarts and self.deployment.restart_database:
                self.strikes.append(time.time())
                self.deployment.restart_database()
                self.strikes.append(time.time())
            for program in self.deployment.programs:
                program.revive()
            self._strike()

    def _strike(self) -> None:
        victims = [self.chance.choice([*self.deployment.web, *self.deployment.workers])]
        if self.chance.random() < _ALSO_THE_PROMISER:
            victims.append(self.deployment.promiser)
        for victim in victims:
            self.strikes.append(time.time())
            victim.kill()
            victim.start()

    def _restarts(self) -> set[int]:
        if self.deployment.restart_database is None:
            return set()
        chance = random.Random(f"{self.plan.seed} restarts")
        return set(chance.sample(range(self.plan.kills), self.plan.restarts))


def wait_for_promises(deployment: Deployment, count: int) -> None:
    """Wait until so many people, or the program, were told that their mail is on its way."""
    give_up_at = time.monotonic() + _LONGEST_WAIT
    while sum(each.answered for each in _read_all(deployment.asked, Asked)) < count:
        if time.monotonic() > give_up_at:
            raise RuntimeError(f"nothing is promised any more; see {deployment.directory}")
        time.sleep(0.2)


def audited(deployment: Deployment, strikes: Sequence[float] = ()) -> Audit:
    """Count what became of everything that was promised so far."""
    asked = _read_all(deployment.asked, Asked)
    taken = _read_all(deployment.taken, Taken)
    rows = read_rows(deployment.database_url, deployment.secret_key)
    return audit(asked, rows, taken, strikes, PATIENCE)


def _read_all(files: list[Path], kind: type[records.Record]) -> list[records.Record]:
    return [record for file in files for record in records.read(file, kind)]
