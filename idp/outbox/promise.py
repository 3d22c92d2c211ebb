"""Promise a mail: write its row in the caller's transaction, so that both happen or neither."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, delete, update

from idp.connector_kit import EmailTemplate, UsageType
from idp.outbox.policy import priority_of
from idp.outbox.wording import custom_template
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.clock import from_now
from idp.storage.statements import Rows, Statement
from idp.storage.tables import Message, MessageState, Priority, now

Defer = Callable[[Session, Message, float], None]
"""Tells a carrier, inside the transaction, that a message waits."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail a person is owed; after `deadline` it would be worthless."""

    to: str
    usage_type: UsageType
    deadline: datetime
    locale: str
    payload: Mapping[str, object] = field(repr=False)
    application: Mapping[str, object] | None = None
    user: Mapping[str, object] | None = None
    ui_locales: str | None = None
    ip: str | None = None
    priority: Priority | None = None
    """Follows from the usage type if left out."""
    delay: float = 0.0
    """Seconds it waits before it leaves."""
    template: EmailTemplate | None = None
    """The wording, where the usage type alone does not tell it."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """What another program is owed by a channel of HTTP; worthless after `deadline`."""

    channel: str
    kind: str
    """What it is, among the usage types of mails."""
    to: str
    """The address it is posted to."""
    payload: Mapping[str, object] = field(repr=False)
    deadline: datetime


_MESSAGES = Rows(Message)
_PROMISE = Statement[None](
    insert(Message).values(
        {name: bindparam(name) for name in Message.model_fields} | {"due_at": from_now("delay")}
    )
)


class Outbox:
    """Where mails and calls are promised."""

    def __init__(
        self, settings: Settings, secrets: Secrets, plugins: Plugins, defer: Defer
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._plugins = plugins
        self._defer = defer

    def promise(self, session: Session, mail: Mail, *, silent: bool = False) -> Message:
        """Write the row and tell the carrier; nothing is sent unless the transaction commits.

        The wording is chosen now, so that a later edit of a template changes no promised mail.
        A `silent` mail takes the same path and is cancelled at once: from outside, the same.
        """
        fallback = self._settings.default_locale
        template = mail.template or custom_template(session, mail.usage_type, mail.locale, fallback)
        sealed = self._secrets.seal_json(
            {
                "payload": self._variables(mail),
                "custom_template": template.model_dump(by_alias=True) if template else None,
                "ui_locales": mail.ui_locales,
                "ip": mail.ip,
            }
        )
        message = _MESSAGES.make(
            usage_type=mail.usage_type,
            recipient=self._secrets.seal(mail.to),
            recipient_hash=self._secrets.keyed_hash("recipient", mail.to.casefold()),
            locale=mail.locale,
            due_at=now() + timedelta(seconds=mail.delay),  # written by the database's own clock
            priority=priority_of(mail.usage_type) if mail.priority is None else mail.priority,
            deadline=mail.deadline,
            **(_cancelled() if silent else {"payload": sealed}),
        )
        _PROMISE.send(session, **message.__dict__, delay=mail.delay)
        self._defer(session, message, mail.delay)
        return message

    def promise_call(self, session: Session, call: Call) -> Message:
        """Write the row and tell the carrier; nothing is posted unless the transaction commits."""
        message = Message(
            channel=call.channel,
            usage_type=call.kind,
            recipient=self._secrets.seal(call.to),
            recipient_hash=self._secrets.keyed_hash("recipient", call.to),
            locale="",
            payload=self._secrets.seal_json(call.payload),
            due_at=from_now(),  # type: ignore[arg-type] # computed by the database
            priority=Priority.NOTICE,
            deadline=call.deadline,
        )
        session.add(message)
        self._defer(session, message, 0.0)
        return message

    def forget(self, session: Session, address: str) -> None:
        """Erase every mail to an address; one on its way right now keeps its row, without it."""
        hashes = self._secrets.keyed_hashes("recipient", address.casefold())
        theirs = col(Message.recipient_hash).in_(hashes)
        on_its_way = col(Message.state) == MessageState.SENDING
        session.exec(delete(Message).where(theirs, ~on_its_way))
        erased = {"recipient": self._secrets.seal(""), "recipient_hash": "", "payload": None}
        session.exec(update(Message).where(theirs).values(**erased))

    def _variables(self, mail: Mail) -> dict[str, object]:
        variables: dict[str, object] = {
            "locale": mail.locale,
            "issuer": self._settings.issuer,
            "issuerHost": self._settings.issuer_host,
            "supportEmail": self._settings.support_email,
            "application": {"name": self._settings.product_name, **(mail.application or {})},
        }
        if mail.ui_locales:
            variables["uiLocales"] = mail.ui_locales
        if mail.user:
            variables["user"] = dict(mail.user)
        asked = {"usage_type": mail.usage_type, "user": mail.user, "application": mail.application}
        for added in self._plugins.ask("idp_email_payload", _as_json, **asked):
            variables.update(added)
        return variables | dict(mail.payload)


def _cancelled() -> dict[str, Any]:
    return {"state": MessageState.CANCELLED, "payload": None, "ended_at": now()}


def _as_json(added: object) -> dict[str, object]:
    # The row holds JSON, so what else a plugin returns must not stop the mail.
    return dict(json.loads(json.dumps(added)))
