"""The contract of the connector kit, kept by the HTTP connector."""

import html
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from http_server import HttpRequest, HttpServer, reply, running_http_server
from idp_http_email import HttpConnector
from standardwebhooks import Webhook

from idp.connector_kit.testing import EmailConnectorConformance, ReceivedEmail, RecordingProvider


@dataclass
class Provider:
    """An endpoint that checks, words and keeps every mail."""

    config: dict[str, Any]
    server: HttpServer

    def received(self) -> list[ReceivedEmail]:
        return [_worded(request.json()) for request in self.server.requests]


def _worded(mail: dict[str, Any]) -> ReceivedEmail:
    payload = mail["payload"]
    words = f"{mail['type']}: {payload['code']} {payload['link']} {payload['application']['name']}"
    return ReceivedEmail(
        recipient=mail["to"], subject=mail["type"], text=words, html=html.escape(words)
    )


class TestHttpConnector(EmailConnectorConformance):
    connector_class = HttpConnector

    @pytest.fixture(autouse=True)
    def _configured(self, wire: Callable[..., dict[str, Any]], secret: str) -> None:
        self._wire = wire
        self._webhook = Webhook(secret)

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        async with running_http_server(self._take) as server:
            yield Provider(self._wire(server.port), server)

    def _take(self, request: HttpRequest) -> bytes:
        self._webhook.verify(request.body, dict(request.headers))
        return reply(204)
