"""One mechanism at a time, against servers that know nothing of each other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import anyio
import pytest
from idp_smtp_email import SmtpConnector
from mail_servers import USER
from mail_servers.server import MailServer

from idp.connector_kit import EmailRequest, InvalidConfig

pytestmark = pytest.mark.servers

_OFFERS = [
    *(("dovecot", name) for name in ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")),
    *(("postfix", name) for name in ("PLAIN", "LOGIN")),
    *(("exim", name) for name in ("CRAM-MD5", "PLAIN", "LOGIN")),
    *(("smtp-server", name) for name in ("CRAM-MD5", "PLAIN", "LOGIN")),
]
_WRONG = {"user": USER, "pass": "not-the-password"}


@dataclass(frozen=True)
class Offer:
    """A server that offers one mechanism."""

    server: MailServer
    way: str


@pytest.fixture(scope="module", params=_OFFERS, ids="-".join)
def _started(
    request: pytest.FixtureRequest, run: Callable[[str, str], AbstractContextManager[MailServer]]
) -> Iterator[Offer]:
    name, mechanism = request.param
    if name == "postfix":
        yield Offer(request.getfixturevalue("postfix"), mechanism)
        return
    with run(name, mechanism) as server:
        yield Offer(server, "starttls")


@pytest.fixture
def offer(_started: Offer) -> Offer:
    _started.server.forget()
    return _started


async def test_the_right_password_logs_in_at_the_first_attempt(
    offer: Offer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    await connect_to(offer.server, offer.way).send(request_for())
    assert len(offer.server.received()) == 1
    offer.server.wait_for(offer.server.LOGIN)
    assert offer.server.count(offer.server.LOGIN) == 1
    assert offer.server.count(offer.server.FAILED_LOGIN) == 0


async def test_a_wrong_password_costs_one_failed_login(
    offer: Offer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    wrong = connect_to(offer.server, offer.way, auth=_WRONG)
    with pytest.raises(InvalidConfig):
        await wrong.send(request_for())
    offer.server.wait_for(offer.server.FAILED_LOGIN)
    await connect_to(offer.server, offer.way).send(request_for())
    offer.server.wait_for(offer.server.LOGIN)
    assert offer.server.count(offer.server.FAILED_LOGIN) == 1


async def test_a_wrong_password_costs_one_failed_login_however_many_mails_wait(
    dovecot: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    dovecot.forget()
    wrong = connect_to(dovecot, auth=_WRONG)
    refused: list[int] = []

    async def send(number: int) -> None:
        with pytest.raises(InvalidConfig, match="refused the login"):
            await wrong.send(request_for(to=f"reader{number}@example.test"))
        refused.append(number)

    async with anyio.create_task_group() as mails:
        for number in range(20):
            mails.start_soon(send, number)
    await connect_to(dovecot).send(request_for())
    dovecot.wait_for(dovecot.LOGIN)
    assert len(refused) == 20
    assert dovecot.count(dovecot.FAILED_LOGIN) == 1


async def test_the_strongest_mechanism_of_those_offered_is_used(
    dovecot: MailServer,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
) -> None:
    dovecot.forget()
    await connect_to(dovecot).send(request_for())
    dovecot.wait_for(dovecot.LOGIN + r".*method=SCRAM-SHA-256,")
