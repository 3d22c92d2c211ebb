"""The contract of the connector kit, kept by the SendGrid connector."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from idp_sendgrid_email import SendGridConnector

from idp.connector_kit.testing import EmailConnectorConformance, ReceivedEmail, RecordingProvider


@dataclass
class Provider:
    """The API as the conformance tests want it."""

    config: dict[str, Any]
    emails: list[ReceivedEmail]

    def received(self) -> list[ReceivedEmail]:
        return self.emails


class TestSendGridConnector(EmailConnectorConformance):
    connector_class = SendGridConnector

    @pytest.fixture(autouse=True)
    def _servers(
        self,
        sendgrid: Callable[[], AbstractAsyncContextManager[Any]],
        wire: Callable[..., dict[str, Any]],
    ) -> None:
        self._start = sendgrid
        self._wire = wire

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        async with self._start() as running:
            yield Provider(self._wire(running.server.port), running.api.emails)
