"""An HTTP/1.1 server in the test's own event loop that answers, or misbehaves, as it is told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class HttpRequest:
    """One request as it came; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[HttpRequest], bytes | None]


def reply(status: int, body: object = b"", **headers: str) -> bytes:
    """Write an answer; a body that is not bytes is sent as JSON, `X_Y` is the header X-Y."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(octets)}", *lines, "", ""]
    return "\r\n".join(head).encode() + octets


@dataclass
class HttpServer:
    """Keeps every request; `respond` returns the answer, None for silence.

    With `hangs_up` it closes the connection after an answer, or, if the answer is empty, instead.
    """

    respond: Respond
    hangs_up: bool = False
    port: int = 0
    connections: int = 0
    requests: list[HttpRequest] = field(default_factory=list)
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has hung up."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await _request(reader))
                answer = self.respond(self.requests[-1])
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                if self.hangs_up:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            self.is_closed.set()
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> HttpRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    named = [line.partition(":") for line in lines]
    headers = {name.lower(): value.strip() for name, _, value in named}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpRequest(method, target, headers, body)


@asynccontextmanager
async def running_http_server(
    respond: Respond, *, tls: ssl.SSLContext | None = None, hangs_up: bool = False
) -> AsyncIterator[HttpServer]:
    """Start one on this machine."""
    server = HttpServer(respond, hangs_up=hangs_up)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(server.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
