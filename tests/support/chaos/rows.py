"""What the database says of every promised mail."""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from chaos.audit import Row
from idp.connector_kit import UsageType
from idp.storage import Secrets, open_database
from idp.storage.tables import DeliveryAttempt, Message, MessageState, now

_PATIENCE = 120.0  # seconds, on a busy machine
_WAITING = (MessageState.PROMISED, MessageState.SENDING)


def wait_for_ends(url: str, patience: timedelta) -> None:
    """Wait until every mail has ended; give up so long after the last deadline, or after now."""
    asyncio.run(_wait_for_ends(url, patience))


def wait_for_claim(url: str) -> None:
    """Wait until somebody is sending a mail."""
    asyncio.run(_wait_for_claim(url))


def read_rows(url: str, secret_key: str) -> list[Row]:
    return asyncio.run(_read_rows(url, Secrets([secret_key])))


async def _wait_for_ends(url: str, patience: timedelta) -> None:
    database, began = open_database(url), now()
    while (last := await database.run(_last_deadline)) and max(last, began) + patience > now():
        await asyncio.sleep(0.2)
    await database.aclose()


async def _wait_for_claim(url: str) -> None:
    database = open_database(url)
    async with asyncio.timeout(_PATIENCE):
        while not await database.run(_are_sending):
            await asyncio.sleep(0.05)
    await database.aclose()


async def _read_rows(url: str, secrets: Secrets) -> list[Row]:
    database = open_database(url)
    rows = await database.run(_rows, secrets)
    await database.aclose()
    return rows


def _are_sending(session: Session) -> bool:
    sending = select(Message.id).where(Message.state == MessageState.SENDING).limit(1)
    return session.exec(sending).first() is not None


def _last_deadline(session: Session) -> datetime | None:
    waiting = select(func.max(Message.deadline)).where(col(Message.state).in_(_WAITING))
    return session.exec(waiting).one()


def _rows(session: Session, secrets: Secrets) -> list[Row]:
    outcomes: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for attempt in session.exec(select(DeliveryAttempt)):
        outcomes[attempt.message_id].append((attempt.number, attempt.outcome))
    return [
        Row(
            id=message.id,
            recipient=secrets.open(message.recipient),
            usage_type=UsageType(message.usage_type),
            state=message.state,
            deadline=message.deadline,
            ended_at=message.ended_at,
            reason=message.reason,
            claims=message.attempts,
            outcomes=outcomes[message.id],
        )
        for message in session.exec(select(Message))
    ]
