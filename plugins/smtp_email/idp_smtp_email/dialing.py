"""From a host name to a connected socket."""

import asyncio
import socket
from functools import cache
from ipaddress import IPv4Address, IPv6Address

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
LocalAddress = IPv4Address | IPv6Address | None


async def look_up(
    host: str, port: int, local: LocalAddress
) -> list[tuple[socket.AddressFamily, SocketAddress]]:
    """Resolve a host to the addresses that can be reached from `local`."""
    families = {4: socket.AF_INET, 6: socket.AF_INET6}
    found = await asyncio.get_running_loop().getaddrinfo(
        host,
        port,
        family=families[local.version] if local else socket.AF_UNSPEC,
        type=socket.SOCK_STREAM,
    )
    return [(family, address) for family, _, _, _, address in found]


async def dial(
    addresses: list[tuple[socket.AddressFamily, SocketAddress]], local: LocalAddress, seconds: float
) -> socket.socket:
    """Connect to the first address that answers; each has its share of the time."""
    *others, last = addresses
    for family, address in others:
        try:
            async with asyncio.timeout(seconds / len(addresses)):
                return await _connect(family, address, local)
        except OSError:
            continue
    return await _connect(*last, local)


async def _connect(
    family: socket.AddressFamily, address: SocketAddress, local: LocalAddress
) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if local is not None:
            connection.bind((str(local), 0))
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def ehlo_name() -> str:
    """Return this machine's full name, or an address literal if it has none (RFC 5321 §4.1.3)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
