"""People who ask for codes on the pages of a server that may be killed under their hands."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import httpx2
from people import Person

from chaos.records import Asked, append

_PAGES = ("/register",) * 4 + ("/sign-in",) * 4 + ("/forgot-password",)
_PEOPLE = 4
_PATIENCE = 30.0  # seconds until a page that does not come counts as gone


@dataclass
class Crowd:
    """Several people at once, each asking for one code after the other."""

    sites: Sequence[str]
    file: Path
    seed: str
    per_second: float
    answered: int = 0
    leave: Event = field(default_factory=Event)

    def run(self) -> None:
        """Ask until `leave` is set; raises AssertionError when a page is not as it should be."""
        with ThreadPoolExecutor(_PEOPLE) as threads:
            people = [threads.submit(self._visit, number) for number in range(_PEOPLE)]
        for person in people:
            person.result()

    def _visit(self, person: int) -> None:
        chance = random.Random(f"{self.seed} person {person}")
        number = 0
        while not self.leave.wait(chance.expovariate(self.per_second / _PEOPLE)):
            number += 1
            asked = Asked(recipient=f"person-{person}-{number}@example.test")
            if self._ask(asked.recipient, chance):
                asked = Asked(recipient=asked.recipient, answered=True)
                self.answered += 1
            append(self.file, asked)

    def _ask(self, email: str, chance: random.Random) -> bool:
        """Ask for a code and tell whether the server said that it is on its way."""
        ip = ".".join(str(chance.randrange(1, 255)) for _ in range(4))
        with httpx2.Client(
            base_url=chance.choice(self.sites), headers={"X-Forwarded-For": ip}, timeout=_PATIENCE
        ) as client:
            person = Person(client, lambda _: [])
            try:
                person.open(chance.choice(_PAGES))
                if person.page.status_code != 200:
                    return False
                answer = person.fill(email=email)
            except httpx2.TransportError:
                return False
        assert answer.status_code == 303 or answer.status_code >= 500, answer.text
        return answer.status_code == 303
