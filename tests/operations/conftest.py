"""Observation is tested on both kinds of database, with nobody who delivers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from idp.app import create_app
from idp.settings import Settings

Watch = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def watch(settings: Settings) -> AsyncIterator[Watch]:
    """Return a client of a server with these plugins and settings, whose lifespan never begins."""
    async with AsyncExitStack() as stack:

        async def enter(*plugins: object, **values: Any) -> httpx2.AsyncClient:
            chosen = Settings.load(**{**settings.model_dump(), **values})
            app = create_app(chosen, plugins=plugins)
            stack.push_async_callback(app.state.server.database.aclose)
            transport = httpx2.ASGITransport(app)
            client = httpx2.AsyncClient(transport=transport, base_url=chosen.issuer)
            return await stack.enter_async_context(client)

        yield enter
