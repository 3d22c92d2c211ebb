"""A program that promises mails in transactions of its own, and keeps only some of them.

Run with `python -m chaos.transactions OPTIONS` in the environment of the deployment, until it is
killed; OPTIONS are a JSON object: `file`, `seed` and `lives`, the shortest and the longest life of
a mail in seconds. What it is about to do goes to the file before, what it has done after.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlmodel import Session

from chaos.records import Asked, append, read
from idp.connector_kit import UsageType
from idp.outbox import Mail, Outbox, open_carrier
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets, open_database
from idp.storage.tables import now

_PAUSE = 0.2  # mean seconds between transactions
_HELD_OPEN = 0.15  # seconds; on SQLite everybody else waits for so long


class Withdrawn(Exception):
    """The transaction is not to be kept."""


@dataclass
class Promiser:
    """Promises one mail after the other."""

    file: Path
    database: Database
    outbox: Outbox
    chance: random.Random
    lives: tuple[float, float]

    async def run(self) -> None:
        name = f"{self.chance.getrandbits(40):x}"
        for number in count():
            keep = self.chance.random() < 0.6
            who = "code" if self.chance.random() < 0.7 else "invitation"
            recipient = f"{who}-{'kept' if keep else 'withdrawn'}-{name}-{number}@example.test"
            append(self.file, Asked(recipient=recipient, rolled_back=not keep))
            try:
                await self.database.run(self._promise, self._mail(who, recipient), keep=keep)
                append(self.file, Asked(recipient=recipient, answered=True))
            except Withdrawn:
                pass
            await asyncio.sleep(self.chance.expovariate(1 / _PAUSE))

    def _promise(self, session: Session, mail: Mail, *, keep: bool) -> None:
        self.outbox.promise(session, mail)
        session.flush()
        time.sleep(self.chance.random() * _HELD_OPEN)  # where a kill finds a transaction open
        if not keep:
            raise Withdrawn

    def _mail(self, who: str, recipient: str) -> Mail:
        is_code = who == "code"
        link = {"link": "https://id.example.test/invitation/1"}
        return Mail(
            to=recipient,
            usage_type=UsageType.SIGN_IN if is_code else UsageType.ORGANIZATION_INVITATION,
            deadline=now() + timedelta(seconds=self.chance.uniform(*self.lives)),
            locale="en",
            payload={"code": "428913", "expiresInMinutes": 1} if is_code else link,
        )


async def main(options: dict[str, Any]) -> None:
    settings = Settings.load()
    database = open_database(settings.database_url)
    secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
    defer = open_carrier(settings).defer
    outbox = Outbox(settings, secrets, load_plugins(), defer)
    file = Path(options["file"])
    chance = random.Random(f"{options['seed']} {len(read(file, Asked))}")  # each life has its own
    await Promiser(file, database, outbox, chance, options["lives"]).run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
