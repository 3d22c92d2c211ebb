"""A SOCKS5 and an HTTP proxy in the test's own event loop."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handshake = Callable[["RunningProxy", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RunningProxy:
    """Carries bytes to one server, whatever name was asked for; remembers names and logins."""

    def __init__(self, target: int, login: str = "") -> None:
        self.target = target
        self.login = login
        self.port = 0
        self.logins: list[str] = []
        self.asked: list[tuple[str, int]] = []

    async def carry(self, from_client: Streams, first: bytes) -> None:
        """Answer together with the server's greeting, if it comes, in one segment."""
        from_server = await asyncio.open_connection("127.0.0.1", self.target)
        greeting = b""
        try:
            with suppress(TimeoutError):
                greeting = await asyncio.wait_for(from_server[0].read(1000), 0.1)
            from_client[1].write(first + greeting)
            await asyncio.gather(
                _copy(from_client[0], from_server[1]), _copy(from_server[0], from_client[1])
            )
        finally:
            from_server[1].transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(65536):
        writer.write(octets)
    writer.close()


async def socks5(
    proxy: RunningProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    wanted = 2 if proxy.login else 0
    writer.write(bytes([5, wanted if wanted in methods else 255]))
    if proxy.login:
        await reader.readexactly(1)
        user, password = [(await _counted(reader)).decode() for _ in range(2)]
        proxy.logins.append(f"{user}:{password}")
        writer.write(bytes([1, proxy.logins[-1] != proxy.login]))
    kind = (await reader.readexactly(4))[3]
    name = await _counted(reader) if kind == 3 else await reader.readexactly(4 * kind)
    port = int.from_bytes(await reader.readexactly(2), "big")
    proxy.asked.append((name.decode() if kind == 3 else ".".join(map(str, name)), port))
    await proxy.carry((reader, writer), b"\5\0\0\3\4here\0\0")


async def _counted(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly((await reader.readexactly(1))[0])


async def http(
    proxy: RunningProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, authority, _ = head[0].split()
    fields = dict(line.split(": ", 1) for line in head[1:] if line)
    proxy.logins.append(b64decode(fields.get("Proxy-Authorization", "")[6:]).decode())
    if method != "CONNECT" or proxy.logins[-1] != proxy.login:
        writer.write(b"HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n")
        return
    name, _, port = authority.rpartition(":")
    proxy.asked.append((name, int(port)))
    await proxy.carry((reader, writer), b"HTTP/1.1 200 Fine\r\nVia: here\r\n\r\n")


@asynccontextmanager
async def running_proxy(
    handshake: Handshake, target: int = 0, login: str = ""
) -> AsyncIterator[RunningProxy]:
    proxy = RunningProxy(target, login)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handshake(proxy, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1")
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)
