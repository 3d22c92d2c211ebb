"""Mail servers from Debian and npm, started once for all tests, and connectors to them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from idp_smtp_email import SmtpConfig, SmtpConnector
from mail_servers import PASSWORD, USER
from mail_servers.daemon import own_directory
from mail_servers.dovecot import running_dovecot
from mail_servers.exim import running_exim
from mail_servers.postfix import running_postfix
from mail_servers.server import MailServer
from mail_servers.sink import running_sink
from mail_servers.smtp_server import install_smtp_server, running_smtp_server

Wire = dict[str, Any]


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> Iterator[Path]:
    """Return a file with the servers' key and certificate, readable for their users."""
    issued = authority.issue_cert("127.0.0.1", "mail.example.test")
    with own_directory("certificate") as directory:
        file = directory / "certificate.pem"
        file.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        yield file


@pytest.fixture(scope="session")
def run(
    request: pytest.FixtureRequest, certificate: Path
) -> Callable[[str, str], AbstractContextManager[MailServer]]:
    """Run a server, by name, with nothing but the given mechanisms."""

    def start(name: str, mechanisms: str) -> AbstractContextManager[MailServer]:
        if name == "dovecot":
            return running_dovecot(request.getfixturevalue("sink"), certificate, mechanisms)
        if name == "exim":
            return running_exim(certificate, mechanisms)
        program = request.getfixturevalue("smtp_server_program")
        return running_smtp_server(program, certificate, mechanisms)

    return start


@pytest.fixture(scope="session")
def smtp_server_program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return install_smtp_server(tmp_path_factory.mktemp("smtp-server"))


@pytest.fixture(scope="session")
def sink() -> Iterator[MailServer]:
    with running_sink() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot(run: Callable[..., AbstractContextManager[MailServer]]) -> Iterator[MailServer]:
    mechanisms = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER"
    with run("dovecot", mechanisms) as server:
        yield server


@pytest.fixture(scope="session")
def postfix(dovecot: MailServer, certificate: Path) -> Iterator[MailServer]:
    with running_postfix(dovecot.directory / "postfix", certificate) as server:
        yield server


@pytest.fixture(scope="session")
def exim(run: Callable[..., AbstractContextManager[MailServer]]) -> Iterator[MailServer]:
    with run("exim", "PLAIN LOGIN CRAM-MD5") as server:
        yield server


@pytest.fixture(scope="session")
def smtp_server(run: Callable[..., AbstractContextManager[MailServer]]) -> Iterator[MailServer]:
    with run("smtp-server", "PLAIN LOGIN CRAM-MD5 XOAUTH2") as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_before_smtp_server(smtp_server: MailServer, certificate: Path) -> Iterator[MailServer]:
    """Run a Dovecot whose relay refuses some recipients; `smtp-sink` refuses none, or all."""
    with running_dovecot(smtp_server, certificate, "PLAIN") as server:
        yield server


@pytest.fixture
def settings_for(
    wire: Callable[..., Wire], authority_pem: str
) -> Callable[[MailServer, str], Wire]:
    """Write the settings that reach a server one of its ways: starttls, implicit, plain, ..."""

    def settings(server: MailServer, way: str, **changes: object) -> Wire:
        values: Wire = {"port": server.ports[way], "secure": way == "implicit"}
        if way != "plain":
            values["tls"] = {"ca": authority_pem}
            values["auth"] = {"user": USER, "pass": PASSWORD}
        return wire(**{**values, **changes})

    return settings


@pytest.fixture
async def connect_to(
    settings_for: Callable[..., Wire],
) -> AsyncIterator[Callable[..., SmtpConnector]]:
    """Make connectors to a server, and close them after the test."""
    async with AsyncExitStack() as stack:

        def connector(
            server: MailServer, way: str = "starttls", **changes: object
        ) -> SmtpConnector:
            made = SmtpConnector(SmtpConfig.parse(settings_for(server, way, **changes)))
            stack.push_async_callback(made.aclose)
            return made

        yield connector
