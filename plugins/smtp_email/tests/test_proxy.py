"""The way through a proxy: both kinds, with and without login, and what goes wrong there."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from typing import Any

import pytest
from idp_smtp_email import proxy as way
from proxies import Handshake, RunningProxy, http, running_proxy, socks5
from pydantic import SecretStr

from idp.connector_kit import InvalidConfig, TransientFailure

Start = Callable[..., AbstractAsyncContextManager[Any]]
BOTH = pytest.mark.parametrize(
    ("kind", "handshake"), [("socks5", socks5), ("http", http)], ids=["socks5", "http"]
)
GREETING = b"220 mail.example.test ESMTP\r\n"


async def through(kind: str, port: int, login: str = "", **changes: Any) -> bytes:
    """Connect and return what the mail server says first."""
    place = f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}"
    values = {"host": "mail.example.test", "port": 2525, "local": None, "seconds": 5.0, **changes}
    connection = await way.connect(SecretStr(f"{kind}://{place}"), **values)
    try:
        assert not connection.getblocking()
        return await asyncio.get_running_loop().sock_recv(connection, 1000)
    finally:
        connection.close()


def answering(*octets: bytes) -> Handshake:
    """Make a proxy that says this and hangs up."""

    async def handshake(
        proxy: RunningProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for each in octets:
            writer.write(each)
            await reader.read(1000)

    return handshake


@BOTH
async def test_the_proxy_resolves_the_name_and_no_byte_of_the_greeting_is_lost(
    scripted: Start, kind: str, handshake: Handshake
) -> None:
    async with scripted() as server, running_proxy(handshake, server.port) as proxy:
        assert await through(kind, proxy.port) == GREETING
    assert proxy.asked == [("mail.example.test", 2525)]


@BOTH
async def test_user_and_password_are_shown_to_the_proxy(
    scripted: Start, kind: str, handshake: Handshake
) -> None:
    async with scripted() as server, running_proxy(handshake, server.port, "zoë:p@ss") as proxy:
        assert await through(kind, proxy.port, "zo%C3%AB:p%40ss") == GREETING
    assert proxy.logins == ["zoë:p@ss"]


@BOTH
@pytest.mark.parametrize("is_implicit", [True, False], ids=["implicit", "starttls"])
async def test_mails_go_through_a_proxy_encrypted(
    mail_server: Start,
    connect: Callable[..., Any],
    request_for: Callable[..., Any],
    server_tls: Any,
    authority_pem: str,
    credentials: dict[str, str],
    kind: str,
    handshake: Handshake,
    is_implicit: bool,
) -> None:
    options = {"implicit_tls": server_tls} if is_implicit else {"tls_context": server_tls}
    async with (
        mail_server(**options, auth_require_tls=not is_implicit) as server,
        running_proxy(handshake, server.port) as proxy,
    ):
        place = {"proxy": f"{kind}://127.0.0.1:{proxy.port}", "host": "mail.example.test"}
        tls = {"secure": is_implicit, "requireTLS": not is_implicit, "tls": {"ca": authority_pem}}
        connector = connect(2525, **place, **tls, auth=credentials)
        await connector.send(request_for())
    assert len(server.emails) == 1
    assert server.sessions[0].ssl is not None or is_implicit
    assert proxy.asked == [("mail.example.test", 2525)]


@BOTH
@pytest.mark.parametrize("login", ["", "mailer:wrong"])
async def test_a_refused_login_is_a_fault_of_the_configuration(
    kind: str, handshake: Handshake, login: str
) -> None:
    async with running_proxy(handshake, login="mailer:right") as proxy:
        with pytest.raises(InvalidConfig) as caught:
            await through(kind, proxy.port, login)
    assert "login" in caught.value.problems["proxy"]
    assert "mailer" not in repr(caught.value)


@BOTH
@pytest.mark.parametrize("host", ["192.0.2.7", "xn--bcher-kva.example", "bücher.example"])
async def test_addresses_and_international_names_are_passed_on(
    scripted: Start, kind: str, handshake: Handshake, host: str
) -> None:
    async with scripted() as server, running_proxy(handshake, server.port) as proxy:
        await through(kind, proxy.port, host=host)
    assert proxy.asked == [(host.encode("idna").decode(), 2525)]


async def test_an_ipv6_address_stands_in_brackets(scripted: Start) -> None:
    async with scripted() as server, running_proxy(http, server.port) as proxy:
        await through("http", proxy.port, host="2001:db8::1")
    assert proxy.asked == [("[2001:db8::1]", 2525)]


async def test_an_ipv6_address_goes_to_socks5_as_sixteen_bytes(scripted: Start) -> None:
    async with scripted() as server, running_proxy(socks5, server.port) as proxy:
        await through("socks5", proxy.port, host="2001:db8::1", local=ip_address("127.0.0.1"))
    assert proxy.asked[0][0].startswith("32.1.13.184.")


@pytest.mark.parametrize(
    ("kind", "answers", "problem"),
    [
        ("socks5", [b"HT"], "speaks no SOCKS5"),
        ("socks5", [b"\5\xff"], "asks for a login"),
        ("socks5", [b"\5\0", b"\5\2\0\1"], "does not allow this connection"),
        ("socks5", [b"\5\0", b"\5\x08\0\1"], "takes no address of this kind"),
        ("http", [b"220 mail.example.test\r\n"], "speaks no HTTP"),
        ("http", [b"HTTP/1.1 200 " + b"x" * 20_000], "speaks no HTTP"),
        ("http", [b"HTTP/1.1 407 No\r\n\r\n"], "asks for a login"),
        ("http", [b"HTTP/1.1 403 No\r\n\r\n"], "does not allow this connection (HTTP status 403)"),
        ("http", [b"HTTP/1.1 fine\r\n\r\n"], "does not allow this connection"),
    ],
)
async def test_a_refusal_of_the_proxy_is_a_fault_of_the_configuration(
    kind: str, answers: list[bytes], problem: str
) -> None:
    async with running_proxy(answering(*answers)) as proxy:
        with pytest.raises(InvalidConfig) as caught:
            await through(kind, proxy.port)
    assert problem in caught.value.problems["proxy"]
    assert caught.value.reply.stage == "connect"


@pytest.mark.parametrize(
    ("kind", "answers", "message"),
    [
        ("socks5", [b"\5"], "could not be reached or hung up"),
        ("socks5", [b"\5\0", b"\5\5\0\1"], "mail server (connection refused)"),
        ("socks5", [b"\5\0", b"\5\1\0\1"], "mail server (SOCKS reply 1)"),
        ("http", [b"HTTP/1.1 200 OK\r\n"], "could not be reached or hung up"),
        ("http", [b"HTTP/1.1 502 Bad Gateway\r\n\r\n"], "mail server (HTTP status 502)"),
    ],
)
async def test_a_trouble_of_the_proxy_passes(kind: str, answers: list[bytes], message: str) -> None:
    async with running_proxy(answering(*answers)) as proxy:
        with pytest.raises(TransientFailure) as caught:
            await through(kind, proxy.port)
    assert message in str(caught.value)


async def test_a_proxy_that_says_nothing_costs_no_more_than_its_time() -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(5)

    async with running_proxy(silent) as proxy:
        with pytest.raises(TransientFailure, match="proxy did not answer in time"):
            await through("http", proxy.port, seconds=0.05)


async def test_a_closed_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(TransientFailure, match="could not be reached"):
            await through("socks5", probe.getsockname()[1])


async def test_a_proxy_that_cannot_be_found_is_named() -> None:
    local = ip_address("127.0.0.1")
    with pytest.raises(InvalidConfig, match="The proxy cannot be found"):
        await way.connect(SecretStr("http://[::1]:1"), "mail.example.test", 25, local, 5)


async def test_a_wrong_local_address_is_not_the_fault_of_the_proxy(
    connect: Callable[..., Any], request_for: Callable[..., Any]
) -> None:
    connector = connect(25, proxy="socks5://127.0.0.1:1", localAddress="192.0.2.7")
    with pytest.raises(InvalidConfig) as caught:
        await connector.send(request_for())
    assert list(caught.value.problems) == ["localAddress"]
