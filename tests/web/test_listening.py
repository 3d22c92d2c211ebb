"""Sockets are opened before serving, so that a taken port is one line."""

import socket

import pytest

from idp.settings import SetupError
from idp.web.listening import listen, port_of


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_0_takes_a_free_one(host: str) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with listen(host, 0, "--port") as listener:
        assert port_of(listener) > 0
        with socket.create_connection((host, port_of(listener)), timeout=1):
            pass


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with listen("127.0.0.1", 0, "--port") as taken:
        port = port_of(taken)
        with pytest.raises(SetupError) as caught:
            listen("127.0.0.1", port, "--port or IDP_PORT")
    assert str(caught.value) == (
        f"Port {port} on 127.0.0.1 cannot be used (Address already in use): "
        "choose another with --port or IDP_PORT."
    )


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(SetupError, match=r"on 192\.0\.2\.1 cannot be used"):
        listen("192.0.2.1", 0, "--port")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
