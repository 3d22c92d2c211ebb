"""From a host name to a connected socket."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from idp_smtp_email.dialing import dial, look_up


async def test_the_next_address_is_tried_when_one_does_not_answer(
    scripted: Callable[..., Any],
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()
    async with scripted() as server:
        addresses = [(socket.AF_INET, closed), (socket.AF_INET, ("127.0.0.1", server.port))]
        connection = await dial(addresses, None, 1)
        greeting = await asyncio.get_running_loop().sock_recv(connection, 100)
        assert greeting.startswith(b"220 ")
        connection.close()


async def test_only_addresses_within_reach_of_the_local_one_are_looked_up() -> None:
    found = await look_up("127.0.0.1", 25, ip_address("127.0.0.1"))
    assert found == [(socket.AF_INET, ("127.0.0.1", 25))]
