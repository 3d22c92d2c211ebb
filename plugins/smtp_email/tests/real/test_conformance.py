"""The contract of the connector kit, kept in front of every real server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from idp_smtp_email import SmtpConnector
from mail_servers.server import MailServer

from idp.connector_kit.testing import EmailConnectorConformance, ReceivedEmail, RecordingProvider

pytestmark = pytest.mark.servers


@dataclass
class Provider:
    """A real server as the conformance tests want it."""

    config: dict[str, Any]
    server: MailServer

    def received(self) -> list[ReceivedEmail]:
        return self.server.received()


class RealServer(EmailConnectorConformance):
    """`server` is the name of a fixture, `way` that of one of the server's ports."""

    connector_class = SmtpConnector
    server: ClassVar[str]
    way: ClassVar[str] = "starttls"

    @pytest.fixture(autouse=True)
    def _server(
        self, request: pytest.FixtureRequest, settings_for: Callable[..., dict[str, Any]]
    ) -> None:
        server = request.getfixturevalue(self.server)
        server.forget()
        self._provider = Provider(settings_for(server, self.way), server)

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        yield self._provider


class TestPostfix(RealServer):
    server = "postfix"


class TestPostfixOverImplicitTls(RealServer):
    server = "postfix"
    way = "implicit"


class TestDovecot(RealServer):
    server = "dovecot"


class TestExim(RealServer):
    server = "exim"


class TestSmtpServer(RealServer):
    server = "smtp_server"


class TestSmtpSink(RealServer):
    server = "sink"
    way = "plain"
