"""`localhost` is served on every family, or refused in one line."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from idp.demo.listeners import listen_on_localhost
from idp.settings import SetupError
from idp.web.listening import port_of


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_free_port_is_the_same_in_every_family(sockets: ExitStack) -> None:
    listeners = [sockets.enter_context(found) for found in listen_on_localhost(0, "--port")]
    assert len({port_of(listener) for listener in listeners}) == 1
    assert listeners[0].getsockname()[0] == "127.0.0.1"


def test_a_taken_port_names_the_option(sockets: ExitStack) -> None:
    taken = [sockets.enter_context(found) for found in listen_on_localhost(0, "--port")]
    port = port_of(taken[0])
    with pytest.raises(SetupError, match=rf"Port {port} .* choose another with --app-port"):
        listen_on_localhost(port, "--app-port")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_port_taken_in_one_family_is_taken(sockets: ExitStack) -> None:
    ipv6 = sockets.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
    port = port_of(ipv6)
    with pytest.raises(SetupError, match=f"Port {port} "):
        listen_on_localhost(port, "--port")
    # The half that was free has been given back.
    sockets.enter_context(socket.create_server(("127.0.0.1", port)))
