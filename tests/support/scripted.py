"""A connector that answers as it is told, and plugins made of connectors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from idp import hookimpl
from idp.connector_kit import DeliveryReceipt, EmailConnector, EmailRequest
from idp.connector_kit.testing import MemoryEmailConnector

Step = Exception | Callable[[], Awaitable[object]]


class ScriptedConnector(MemoryEmailConnector):
    """Plays `script`: raises an error, or awaits something first; then takes every mail.

    Each subclass has a script and records of its own.
    """

    script: ClassVar[list[Step]] = []
    requests: ClassVar[list[EmailRequest]] = []
    closed: ClassVar[list[EmailConnector[Any]]] = []
    under_way: ClassVar[set[int]] = set()
    most_at_once: ClassVar[int] = 0

    def __init_subclass__(cls, target: str = "scripted") -> None:
        super().__init_subclass__()
        cls.metadata = replace(MemoryEmailConnector.metadata, id=target, target=target)
        cls.script, cls.requests, cls.closed, cls.under_way = [], [], [], set()

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        self.requests.append(request)
        self.under_way.add(id(request))
        type(self).most_at_once = max(self.most_at_once, len(self.under_way))
        try:
            return await self._play(request)
        finally:
            self.under_way.remove(id(request))

    async def _play(self, request: EmailRequest) -> DeliveryReceipt:
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            await step()
        receipt = await super().send(request)
        return replace(receipt, provider_id=f"provider-{len(self.sent)}")

    def gauges(self) -> Mapping[str, float]:
        return {"mails_under_way": len(self.under_way)}

    async def aclose(self) -> None:
        self.closed.append(self)


def plugin_of(*connectors: object) -> object:
    """Return a plugin that provides these connector classes."""

    class Plugin:
        @hookimpl
        def idp_register_email_connectors(self) -> tuple[object, ...]:
            return connectors

    return Plugin()
