"""OAuth2 logins at servers that check the access token themselves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from idp_smtp_email import SmtpConnector
from mail_servers import USER
from mail_servers.dovecot import Dovecot
from mail_servers.server import MailServer
from mail_servers.smtp_server import SmtpServer

from idp.connector_kit import EmailRequest, InvalidConfig

pytestmark = pytest.mark.servers

_MECHANISMS = ("XOAUTH2", "OAUTHBEARER", "PLAIN XOAUTH2 OAUTHBEARER")


@pytest.fixture(scope="module", params=_MECHANISMS)
def _started(
    request: pytest.FixtureRequest, run: Callable[[str, str], AbstractContextManager[MailServer]]
) -> Iterator[MailServer]:
    with run("dovecot", request.param) as server:
        yield server


@pytest.fixture
def server(_started: MailServer) -> MailServer:
    _started.forget()
    return _started


class TokenEndpoint:
    """Grants one good access token after another."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.splitlines() if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        self.asked += 1
        body = json.dumps({"access_token": Dovecot.access_token(), "expires_in": 600}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    async with await asyncio.start_server(endpoint.answer, "127.0.0.1") as listener:
        endpoint.port = listener.sockets[0].getsockname()[1]
        yield endpoint


def _auth(access_token: str, endpoint: TokenEndpoint | None = None) -> dict[str, Any]:
    auth = {"type": "OAuth2", "user": USER, "accessToken": access_token}
    if endpoint is None:
        return auth
    client = {"clientId": "idp", "clientSecret": "of-no-interest", "refreshToken": "a-lasting-one"}
    return {**auth, **client, "accessUrl": f"http://127.0.0.1:{endpoint.port}/token"}


async def test_a_valid_access_token_logs_in(
    server: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    await connect_to(server, auth=_auth(Dovecot.access_token())).send(request_for())
    assert len(server.received()) == 1
    assert server.count(server.LOGIN) == 1
    assert server.count(server.FAILED_LOGIN) == 0


@pytest.mark.parametrize("access_token", [Dovecot.access_token(-60), "not-even-a-jwt"])
async def test_a_bad_access_token_costs_one_failed_login(
    server: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
    access_token: str,
) -> None:
    bad = connect_to(server, auth=_auth(access_token))
    with pytest.raises(InvalidConfig) as failure:
        await bad.send(request_for())
    assert access_token not in repr(failure.value.reply)
    await connect_to(server, auth=_auth(Dovecot.access_token())).send(request_for())
    server.wait_for(server.LOGIN)
    assert server.count(server.FAILED_LOGIN) == 1


async def test_a_rejected_access_token_is_renewed_once_for_all_mails(
    server: MailServer,
    token_endpoint: TokenEndpoint,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    connector = connect_to(server, auth=_auth(Dovecot.access_token(-60), token_endpoint))
    readers = [f"reader{number}@example.test" for number in range(10)]
    await asyncio.gather(*(connector.send(request_for(to=reader)) for reader in readers))
    assert sorted(email.recipient for email in server.received()) == readers
    assert token_endpoint.asked == 1
    assert server.count(server.FAILED_LOGIN) == 1


async def test_smtp_server_takes_xoauth2_too(
    smtp_server: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    smtp_server.forget()
    with pytest.raises(InvalidConfig):
        await connect_to(smtp_server, auth=_auth("another-one")).send(request_for())
    await connect_to(smtp_server, auth=_auth(SmtpServer.ACCESS_TOKEN)).send(request_for())
    assert len(smtp_server.received()) == 1
    smtp_server.wait_for(r"^login XOAUTH2$")
    assert smtp_server.count(r"^failed login XOAUTH2$") == 1
