"""What became of promised mails, and what can still be done; never their content."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.delivery_search import in_state
from idp.administration.paging import Page, newest_first
from idp.administration.problems import NotFound, Refused
from idp.outbox import log
from idp.outbox.email_channel import EMAIL
from idp.outbox.log import NotPossible
from idp.outbox.promise import Defer
from idp.storage import Secrets
from idp.storage.tables import DeliveryAttempt, Message, MessageState


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which mails; None is every one."""

    state: MessageState | None = None
    usage_type: str | None = None
    connector_id: str | None = None
    address: str | None = None
    """Exactly this recipient: only a keyed hash of addresses can be searched."""

    def conditions(self, secrets: Secrets) -> list[ColumnElement[bool]]:
        """Return it as the database reads it."""
        found: list[ColumnElement[bool]] = []
        if self.state is not None:
            found.extend(in_state(self.state))
        if self.usage_type is not None:
            found.append(col(Message.usage_type) == self.usage_type)
        if self.connector_id is not None:
            found.append(col(Message.connector_id) == self.connector_id)
        if self.address is not None:
            hashes = secrets.keyed_hashes("recipient", self.address.casefold())
            found.append(col(Message.recipient_hash).in_(hashes))
        return found


@dataclass(frozen=True)
class Delivery:
    """A promised mail, with its recipient masked."""

    message: Message
    to: str


def deliveries(
    session: Session, secrets: Secrets, page: Page, wanted: Filter
) -> tuple[list[Delivery], int]:
    """Return mails, newest first, and how many there are."""
    rows, total = newest_first(session, Message, page, *wanted.conditions(secrets))
    return [_delivery(secrets, row) for row in rows], total


def delivery(
    session: Session, secrets: Secrets, message_id: str
) -> tuple[Delivery, list[DeliveryAttempt]]:
    """Return a mail and every attempt at it, in the order they were made; raises NotFound."""
    found = log.message_with_attempts(session, message_id)
    if found is None:
        raise NotFound("delivery", message_id)
    message, attempts = found
    return _delivery(secrets, message), attempts


def retry_delivery(
    session: Session, actor: Actor, secrets: Secrets, defer: Defer, message_id: str
) -> Delivery:
    """Have a mail sent now that waits, or once more one that was perhaps sent.

    Raises NotFound, and Refused when its content is gone.
    """
    delivery(session, secrets, message_id)
    try:
        message = log.retry_now(session, message_id, defer)
    except NotPossible as refusal:
        raise _refused(refusal) from refusal
    audit.record(session, actor, "delivery.retry", Target("delivery", message_id))
    return _delivery(secrets, message)


def cancel_delivery(session: Session, actor: Actor, secrets: Secrets, message_id: str) -> Delivery:
    """End a mail that waits; raises NotFound, and Refused when it has ended already."""
    delivery(session, secrets, message_id)
    try:
        message = log.cancel(session, message_id)
    except NotPossible as refusal:
        raise _refused(refusal) from refusal
    audit.record(session, actor, "delivery.cancel", Target("delivery", message_id))
    return _delivery(secrets, message)


def masked_address(address: str) -> str:
    """Keep what tells an operator which provider it is about, not who the person is."""
    return f"{address[:1]}***@{address.rpartition('@')[2]}" if address else ""


def masked_recipient(secrets: Secrets, message: Message) -> str:
    """Return whom a message is for: an application by its address, a person masked."""
    recipient = secrets.open(message.recipient)
    return masked_address(recipient) if message.channel == EMAIL else recipient


def _delivery(secrets: Secrets, message: Message) -> Delivery:
    return Delivery(message, masked_recipient(secrets, message))


def _refused(refusal: NotPossible) -> Refused:
    return Refused("delivery.not_possible", str(refusal))
