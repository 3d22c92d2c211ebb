"""Many mails, refused ones among them, over few connections."""

import asyncio
from collections.abc import Callable

import pytest
from idp_smtp_email import SmtpConnector
from mail_servers import BUSY, REFUSED
from mail_servers.server import MailServer

from idp.connector_kit import EmailRequest, PermanentFailure, TransientFailure

pytestmark = pytest.mark.servers

_WAYS = [
    ("postfix", "starttls"),
    ("postfix", "implicit"),
    ("dovecot_before_smtp_server", "starttls"),
    ("exim", "starttls"),
    ("exim", "implicit"),
    ("smtp_server", "starttls"),
    ("smtp_server", "plain"),
]


@pytest.fixture(params=_WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[MailServer, str]:
    name, way = request.param
    server: MailServer = request.getfixturevalue(name)
    server.forget()
    return server, way


async def test_a_refused_mail_leaves_the_next_ones_alone(
    way: tuple[MailServer, str],
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    server = way[0]
    connector = connect_to(*way, pool={"maxConnections": 1})
    readers = [f"reader{number}@example.test" for number in range(6)]
    for number, reader in enumerate(readers):
        refused, error = ((REFUSED, PermanentFailure), (BUSY, TransientFailure))[number % 2]
        with pytest.raises(error) as failure:
            await connector.send(request_for(to=refused))
        assert failure.value.reply.stage == "rcpt"
        await connector.send(request_for(to=reader, payload={"code": f"73010{number}"}))
    received = {email.recipient: email.text for email in server.received()}
    assert sorted(received) == readers
    for number, reader in enumerate(readers):
        assert f"73010{number}" in received[reader]
    server.wait_for(server.CONNECTION)
    assert server.count(server.CONNECTION) == 1


async def test_two_hundred_mails_arrive_once_each_over_three_connections(
    way: tuple[MailServer, str],
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    server = way[0]
    # The default of 100 mails would retire a connection that happens to carry half of them.
    connector = connect_to(*way, pool={"maxConnections": 3, "maxMessages": 200})
    readers = [f"reader{number:03}@example.test" for number in range(200)]
    await asyncio.gather(*(connector.send(request_for(to=reader)) for reader in readers))
    assert sorted(email.recipient for email in server.received()) == readers
    assert 1 <= server.count(server.CONNECTION) <= 3


async def test_a_mail_to_a_name_that_is_not_ascii_arrives(
    exim: MailServer,
    smtp_server: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    for server in (exim, smtp_server):
        server.forget()
        await connect_to(server).send(request_for(to="jürgen@example.test"))
        [email] = server.received()
        assert email.recipient == "jürgen@example.test"


async def test_postfix_sees_one_polite_session_of_whole_messages(
    postfix: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    postfix.forget()
    connector = connect_to(postfix)
    for number in range(3):
        await connector.send(request_for(to=f"reader{number}@example.test"))
    await connector.aclose()
    postfix.wait_for("disconnect from ")
    # EHLO before and after STARTTLS; CHUNKING (RFC 3030), so BDAT and no DATA.
    session = "ehlo=2 starttls=1 auth=1 mail=3 rcpt=3 bdat=3 quit=1 "
    assert postfix.count(session) == 1
