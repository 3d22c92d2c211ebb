"""The contract of the connector kit, kept by the SMTP connector."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from idp_smtp_email import SmtpConnector

from idp.connector_kit.testing import EmailConnectorConformance, ReceivedEmail, RecordingProvider


@dataclass
class Provider:
    """aiosmtpd as the conformance tests want it."""

    config: dict[str, Any]
    emails: list[ReceivedEmail]

    def received(self) -> list[ReceivedEmail]:
        return self.emails


class TestSmtpConnector(EmailConnectorConformance):
    connector_class = SmtpConnector

    @pytest.fixture(autouse=True)
    def _servers(
        self,
        mail_server: Callable[..., AbstractAsyncContextManager[Any]],
        wire: Callable[..., dict[str, Any]],
        server_tls: Any,
        authority_pem: str,
        credentials: dict[str, str],
    ) -> None:
        self._start = mail_server
        self._wire = wire
        self._server_tls = server_tls
        self._client_side = {"tls": {"ca": authority_pem}, "auth": credentials}

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        async with self._start(tls_context=self._server_tls, require_starttls=True) as server:
            yield Provider(self._wire(port=server.port, **self._client_side), server.emails)
