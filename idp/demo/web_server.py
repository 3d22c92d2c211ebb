"""A web server that runs beside others in one event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

_GRACE = 2  # seconds for requests under way when the demo stops


class _Server(uvicorn.Server):
    """Leaves the signals to the demo, which has more to stop than one server."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: Starlette, listeners: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Serve an application on bound sockets for as long as the context lasts."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        # Run here instead, where its errors are not turned into a bare exit status.
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    async with app.router.lifespan_context(app):
        task = asyncio.create_task(server.serve(list(listeners)))
        while not (server.started or task.done()):
            await asyncio.sleep(0.01)
        try:
            yield
        finally:
            server.should_exit = True
            await task
