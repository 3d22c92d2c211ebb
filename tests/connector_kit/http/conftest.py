"""What the tests of the kit's HTTP part share."""

import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from idp.connector_kit.http import HttpEndpoint

Open = Callable[..., HttpEndpoint]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
async def open_endpoint() -> AsyncIterator[Open]:
    """Make an endpoint for a port of this machine; it is closed when the test ends."""
    endpoints: list[HttpEndpoint] = []

    def endpoint(
        port: int, scheme: str = "http", host: str = "127.0.0.1", **options: float
    ) -> HttpEndpoint:
        options = {"timeout": 5.0, "keep_alive": 4.0, **options}
        url = f"{scheme}://{host}:{port}/mails"
        endpoints.append(HttpEndpoint(url, key="endpoint", **options))
        return endpoints[-1]

    yield endpoint
    for each in endpoints:
        await each.aclose()
