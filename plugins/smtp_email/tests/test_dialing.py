"""From a host name to a connected socket."""

import asyncio
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from threading import Event
from time import perf_counter
from typing import Any

import pytest
from idp_smtp_email.dialing import dial, ehlo_name, look_up

from idp.connector_kit import TransientFailure

Start = Callable[..., Any]


async def test_the_next_address_is_tried_when_one_does_not_answer(
    scripted: Start,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()
    async with scripted() as server:
        addresses = [(socket.AF_INET, closed), (socket.AF_INET, ("127.0.0.1", server.port))]
        connection = await dial(addresses, None, 1)
        greeting = await asyncio.get_running_loop().sock_recv(connection, 100)
        assert greeting.startswith(b"220 ")
        # Nagle's algorithm would hold the end of a mail back until the server has answered.
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        connection.close()


async def test_a_system_without_an_option_connects_all_the_same(
    scripted: Start, connect: Start, request_for: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "TCP_KEEPCNT", raising=False)
    async with scripted() as server:
        await connect(server.port).send(request_for())
    assert len(server.messages) == 1


async def test_only_addresses_within_reach_of_the_local_one_are_looked_up() -> None:
    found = await look_up("127.0.0.1", 25, ip_address("127.0.0.1"))
    assert found == [(socket.AF_INET, ("127.0.0.1", 25))]


@pytest.mark.parametrize(
    ("name", "address", "introduction"),
    [
        ("idp.example.test", "127.0.0.1", "idp.example.test"),
        ("container-7", "127.0.0.1", "[127.0.0.1]"),
        ("büro.example.test", "127.0.0.1", "[127.0.0.1]"),
        ("container-7", "fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_a_machine_without_a_full_name_gives_its_address(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, introduction: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert ehlo_name(address) == introduction


@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer for a full queue")
async def test_a_server_that_does_not_answer_costs_no_more_than_its_time(
    connect: Start, request_for: Start
) -> None:
    with socket.socket() as server, socket.socket() as first:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        first.connect(server.getsockname())  # the queue is full now: what follows is dropped
        started = perf_counter()
        with pytest.raises(TransientFailure, match="did not answer in time") as caught:
            await connect(server.getsockname()[1], connectionTimeout=50).send(request_for())
    assert caught.value.reply.stage == "connect"
    assert perf_counter() - started < 1


async def test_a_name_server_that_does_not_answer_costs_no_more_than_its_time(
    connect: Start, request_for: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(5) and [])
    started = perf_counter()
    try:
        with pytest.raises(TransientFailure, match="did not answer in time") as caught:
            await connect(25, host="mail.example.test", dnsTimeout=50).send(request_for())
    finally:
        answered.set()
    assert caught.value.reply.stage == "dns"
    assert perf_counter() - started < 1
