"""Mail servers in the test's own event loop: a real one, and one that answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from idp_smtp_email import SmtpConfig, SmtpConnector

from idp.connector_kit import EmailRequest, UsageType
from idp.connector_kit.testing import ReceivedEmail

Wire = dict[str, Any]
USER, PASSWORD = "mailer", "open-sesame-77"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """Make a configuration as an administrator writes it."""

    def config(**changes: object) -> Wire:
        usage_types = ("Register", "SignIn", "ForgotPassword", "Generic")
        words = {"contentType": "text/plain", "subject": "{{code}}", "content": "Code {{code}}"}
        templates = [{"usageType": usage_type, **words} for usage_type in usage_types]
        base = {"host": "127.0.0.1", "fromEmail": "Idp <idp@example.test>", "templates": templates}
        return {**base, **changes}

    return config


@pytest.fixture
def connect(wire: Callable[..., Wire]) -> Callable[..., SmtpConnector]:
    """Make a connector for a port of this machine."""

    def connector(port: int, **changes: object) -> SmtpConnector:
        return SmtpConnector(SmtpConfig.parse(wire(port=port, **changes)))

    return connector


@pytest.fixture
def request_for() -> Callable[..., EmailRequest]:
    def request(to: str = "reader@example.test", **changes: Any) -> EmailRequest:
        values = {"usage_type": UsageType.SIGN_IN, "payload": {"code": "428913"}, **changes}
        return EmailRequest(to=to, **values)

    return request


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "mail.example.test").configure_cert(context)
    return context


class MailServer:
    """aiosmtpd with a memory."""

    def __init__(self) -> None:
        self.port = 0
        self.logins: list[tuple[str, str]] = []
        self.emails: list[ReceivedEmail] = []
        self.envelopes: list[Envelope] = []
        self.sessions: list[Session] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.sessions.append(session)
        self.envelopes.append(envelope)
        self.emails.append(ReceivedEmail.from_bytes(envelope.content, envelope.rcpt_tos))
        return f"250 2.0.0 Ok: queued as Q{len(self.emails)}"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append((mechanism, login.password.decode()))
        is_right = (login.login, login.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def _mail_server(
    implicit_tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    loop = asyncio.get_running_loop()
    mail_server = MailServer()
    options = {"authenticator": mail_server.authenticate, **options}
    protocols: list[SMTP] = []
    make: Any = SMTP

    def protocol() -> SMTP:
        protocols.append(make(mail_server, loop=loop, enable_SMTPUTF8=True, **options))
        return protocols[-1]

    listener = await loop.create_server(protocol, "127.0.0.1", ssl=implicit_tls)
    mail_server.port = listener.sockets[0].getsockname()[1]
    try:
        yield mail_server
    finally:
        listener.close()
        for each in protocols:
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()
        await asyncio.sleep(0.01)


@pytest.fixture
def mail_server() -> Callable[..., AbstractAsyncContextManager[MailServer]]:
    """Start aiosmtpd; `implicit_tls` and the options of its SMTP class may be given."""
    return _mail_server


class ScriptedServer:
    """Answers each command as told: a reply, None for silence, or "" to hang up."""

    def __init__(self, script: dict[str, str | None]) -> None:
        self.script: dict[str, str | None] = {
            "greeting": "220 mail.example.test ESMTP",
            "EHLO": "250-mail.example.test\r\n250 SIZE 1000000",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            **script,
        }
        self.port = 0
        self.commands: list[str] = []
        self.hung_up = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer("greeting", writer)
            while line := await reader.readline():
                command = line.decode().strip()
                self.commands.append(command)
                verb = command.partition(" ")[0].upper()
                await self._answer(verb, writer)
                if verb == "DATA" and (self.script["DATA"] or "").startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    await self._answer("message", writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.hung_up += 1
            writer.close()

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> None:
        reply = self.script.get(verb, "250 ok")
        if reply is None:
            return
        if not reply:
            raise ConnectionError
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def _scripted(**script: str | None) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(script)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(server.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1")
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def scripted() -> Callable[..., AbstractAsyncContextManager[ScriptedServer]]:
    """Start a server with replies by command: EHLO, AUTH, ..., `greeting` and `message`."""
    return _scripted


@pytest.fixture
def credentials() -> Wire:
    return {"user": USER, "pass": PASSWORD}
