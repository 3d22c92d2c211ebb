"""What the server asks of an email connector."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from time import perf_counter
from typing import ClassVar, Generic, TypeVar

from idp.connector_kit.config import ConnectorConfig
from idp.connector_kit.errors import ConnectorError
from idp.connector_kit.templates import EmailTemplate
from idp.connector_kit.usage_types import UsageType

ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)
ConfigChange = Callable[[Mapping[str, object]], Awaitable[None]]


class Capability(StrEnum):
    """What a connector can do beyond sending; the server asks before it relies on it."""

    PROBE = "probe"
    CUSTOM_TEMPLATE = "custom_template"
    MESSAGE_ID = "message_id"
    IDEMPOTENCY_KEY = "idempotency_key"


@dataclass(frozen=True, kw_only=True)
class ConnectorMetadata:
    """How a connector introduces itself.

    `id` is stored with every saved instance and must never change; `target` is the short name the
    command line takes. `name` and `description` map language tags to text and must hold "en".
    `example_config` holds every key; an administrator starts from it. `example_configs` maps a
    service that the connector can use ("gmail") to settings in which only <placeholders> are open.
    `logo` is a square SVG document; `guide` is Markdown, shown beside the form of the settings.
    """

    id: str
    target: str
    name: Mapping[str, str]
    description: Mapping[str, str]
    example_config: Mapping[str, object]
    example_configs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    capabilities: frozenset[Capability] = frozenset()
    logo: str | None = None
    guide: str | None = None


@dataclass(frozen=True, kw_only=True)
class EmailRequest:
    """One mail to one person.

    `payload` holds the template variables and is never logged. `message_id` (the part before the @
    of the Message-ID, RFC 5322 §3.6.4; the sender's domain follows) and `idempotency_key` are the
    same at every attempt for the same mail.
    `deadline` is the moment after which the mail is worthless; it must not be sent later.
    """

    to: str
    usage_type: UsageType
    payload: Mapping[str, object] = field(repr=False)
    locale: str = "en"
    ui_locales: str | None = None
    ip: str | None = None
    deadline: datetime | None = None
    custom_template: EmailTemplate | None = None
    message_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeliveryReceipt:
    """The provider took responsibility for the mail; `provider_id` is its name for it, if given.

    `transcript` is the whole dialogue, one line for each thing said, when the settings ask for it;
    secrets, codes, addresses and the mail itself must not be in it.
    """

    provider_id: str | None = None
    reply: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProbeStep:
    """One step of a test send: what was done, whether it worked, how long it took (seconds).

    `advice` is a plain sentence with the likely fix, present on the step that failed.
    """

    name: str
    ok: bool
    seconds: float = 0.0
    detail: str = ""
    advice: str | None = None


class EmailConnector(ABC, Generic[ConfigT]):
    """Sends mails through one provider with one validated config.

    The server constructs it inside its event loop, calls `send` from many tasks at once, and
    calls `aclose` when the settings change or the server stops. Constructing must do no I/O.
    """

    metadata: ClassVar[ConnectorMetadata]
    config_model: type[ConfigT]
    on_config_change: ConfigChange | None = None
    """Set by the server after construction; call `change_config` instead."""

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @abstractmethod
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        """Hand one mail to the provider and return once it has taken it.

        Cancellation must leave the connector usable for the next mail. Raises the errors of
        `idp.connector_kit`; any other exception is counted as a defect of the plugin.
        """

    async def probe(self, request: EmailRequest) -> list[ProbeStep]:
        """Send `request` for real and tell what happened step by step; raises no ConnectorError.

        Override it when the provider's protocol has steps worth showing.
        """
        started = perf_counter()
        try:
            receipt = await self.send(request)
        except ConnectorError as error:
            seconds = perf_counter() - started
            return [ProbeStep(name="send", ok=False, seconds=seconds, advice=str(error))]
        seconds = perf_counter() - started
        return [ProbeStep(name="send", ok=True, seconds=seconds, detail=receipt.reply or "")]

    async def change_config(self, change: Mapping[str, object]) -> None:
        """Have the server keep settings that the provider changed, such as a new refresh token.

        `change` holds the changed keys as in the configuration; an object within it is merged, any
        other value is replaced. What an administrator changed meanwhile stays. The connector goes
        on with the new values by itself. Never raises: the server logs what it could not keep.
        """
        if self.on_config_change is not None:
            await self.on_config_change(change)

    def gauges(self) -> Mapping[str, float]:
        """Return figures about this very moment for monitoring, such as connections in use.

        Names are short words joined by underscores and stay the same; no I/O.
        """
        return {}

    async def aclose(self) -> None:
        """Release connections; safe to call twice."""
