"""An endpoint as an administrator might have written it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from idp_http_email import HttpConfig, HttpConnector

from idp.connector_kit import EmailRequest, UsageType

Wire = dict[str, Any]
SECRET = "whsec_b3Blbi1zZXNhbWUtNzcsIG9wZW4tc2VzYW1lLTc3"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """Make a configuration as an administrator writes it, for a port of this machine."""

    def config(port: int = 1, **changes: object) -> Wire:
        base = {"endpoint": f"http://127.0.0.1:{port}/mails", "authorization": "Bearer hush-77"}
        return {**base, "secret": SECRET, **changes}

    return config


@pytest.fixture
async def connect(wire: Callable[..., Wire]) -> AsyncIterator[Callable[..., HttpConnector]]:
    """Make a connector for a port of this machine; it is closed when the test ends."""
    connectors: list[HttpConnector] = []

    def connector(port: int, **changes: object) -> HttpConnector:
        connectors.append(HttpConnector(HttpConfig.parse(wire(port, **changes))))
        return connectors[-1]

    yield connector
    for each in connectors:
        await each.aclose()


@pytest.fixture
def request_for() -> Callable[..., EmailRequest]:
    def request(to: str = "reader@example.test", **changes: Any) -> EmailRequest:
        values = {"usage_type": UsageType.SIGN_IN, "payload": {"code": "428913"}, **changes}
        return EmailRequest(to=to, **values)

    return request
