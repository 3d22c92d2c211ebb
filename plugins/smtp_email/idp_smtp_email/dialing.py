"""From a host name to a connected socket."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
LocalAddress = IPv4Address | IPv6Address | None

# A way that was lost unnoticed, such as one a router forgot, is found out in 60 seconds: before the
# connection would be closed as idle. A system that lacks an option goes by its own times.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


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
        _set_options(connection)
        if local is not None:
            connection.bind((str(local), 0))
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_options(connection: socket.socket) -> None:
    # asyncio does this only for sockets it makes itself.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if (option := getattr(socket, name, None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def ehlo_name(address: str) -> str:
    """Return this machine's full name, or its address if it has none (RFC 5321 §4.1.3)."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
