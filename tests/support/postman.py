"""Everything between a promise and a mailbox, with connectors that answer as they are told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scripted import ScriptedConnector
from sqlmodel import Session, col, select

from idp import hookimpl
from idp.connector_kit import UsageType
from idp.connectors import Connectors, save_connector
from idp.hookspecs import DeliveryAttempt as ObservedAttempt
from idp.outbox import Carrier, Courier, Mail, Outbox
from idp.storage import Database, Secrets
from idp.storage.tables import DeliveryAttempt, Message, now

ADDRESS = "alice.q.reader@example.com"
CODE = "428913"


class Observer:
    """A plugin that remembers every attempt it was told of."""

    def __init__(self) -> None:
        self.attempts: list[ObservedAttempt] = []

    @hookimpl
    def idp_email_attempted(self, attempt: ObservedAttempt) -> None:
        self.attempts.append(attempt)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(attempt.connector, attempt.outcome) for attempt in self.attempts]


@dataclass
class Postman:
    """Promises mails and has them delivered."""

    database: Database
    secrets: Secrets
    outbox: Outbox
    courier: Courier
    carrier: Carrier
    connectors: Connectors
    first: type[ScriptedConnector]
    second: type[ScriptedConnector]
    observer: Observer = field(default_factory=Observer)

    async def save(self, *connectors: type[ScriptedConnector]) -> list[str]:
        """Save instances of these connectors in the order of failover; return their ids."""
        saved = [
            await self.database.run(save_connector, self.secrets, connector, {}, append=True)
            for connector in connectors
        ]
        return [instance.id for instance in saved]

    async def promise(self, lifetime: float = 600, **values: Any) -> str:
        message = await self.database.run(self.promise_in, mail(lifetime, **values))
        return message.id

    def promise_in(self, session: Session, mail: Mail) -> Message:
        return self.outbox.promise(session, mail)

    async def deliver(self, message_id: str) -> Message:
        await self.courier.deliver(message_id)
        return await self.message(message_id)

    async def message(self, message_id: str) -> Message:
        return await self.database.run(lambda session: session.get_one(Message, message_id))

    async def attempts(self, message_id: str) -> Sequence[DeliveryAttempt]:
        own = select(DeliveryAttempt).where(DeliveryAttempt.message_id == message_id)
        own = own.order_by(col(DeliveryAttempt.started_at))
        return await self.database.run(lambda session: session.exec(own).all())

    async def change(self, message_id: str, **values: Any) -> None:
        """Write columns of a message, as time or another process would."""

        def write(session: Session) -> None:
            message = session.get_one(Message, message_id)
            for name, value in values.items():
                setattr(message, name, value)

        await self.database.run(write)


def just_now() -> datetime:
    """Return a moment that has passed by the clock of any database, whose unit may be 1 ms."""
    return now() - timedelta(milliseconds=2)


def mail(lifetime: float = 600, **values: Any) -> Mail:
    """Return a mail with a code; `lifetime` is in seconds."""
    given: dict[str, Any] = {
        "to": ADDRESS,
        "usage_type": UsageType.SIGN_IN,
        "deadline": now() + timedelta(seconds=lifetime),
        "locale": "en",
        "payload": {"code": CODE, "expiresInMinutes": 10},
    }
    return Mail(**{**given, **values})
