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

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

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
    async with app.router.lifespan_context(app), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(list(listeners)))
        await server.ready.wait()
        try:
            yield
        finally:
            server.should_exit = True
