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
Script = str | list[str] | None
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
async def connect(wire: Callable[..., Wire]) -> AsyncIterator[Callable[..., SmtpConnector]]:
    """Make a connector for a port of this machine; it is closed when the test ends."""
    connectors: list[SmtpConnector] = []

    def connector(port: int, **changes: object) -> SmtpConnector:
        connectors.append(SmtpConnector(SmtpConfig.parse(wire(port=port, **changes))))
        return connectors[-1]

    yield connector
    for each in connectors:
        await each.aclose()


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
    """Answers each command as told: a reply, None for silence from then on, or "" to hang up.

    Of a list of replies each is given once, the last one for ever.
    """

    def __init__(self, script: dict[str, Script], tls: ssl.SSLContext | None) -> None:
        self.script: dict[str, Script] = {
            "greeting": "220 mail.example.test ESMTP",
            "EHLO": "250-mail.example.test\r\n250 SIZE 1000000",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            **script,
        }
        self.port = 0
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self.connections = 0
        self.hung_up = 0
        self.answer_recipients = False
        """Whether the last reply names the number in the recipient."""
        self.stutters = False
        """Whether each octet of a reply comes alone."""
        self._tls = tls
        self._writers: list[asyncio.StreamWriter] = []
        self._silent: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            await self._answer("greeting", writer)
            while line := await reader.readline():
                await self._obey(line.decode().strip(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.hung_up += 1
            writer.close()

    def speak(self, words: str) -> None:
        """Say something unasked to every client, or hang up on them."""
        for writer in self._writers:
            if words:
                writer.write(words.encode() + b"\r\n")
            else:
                writer.close()

    async def _obey(
        self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.commands.append(command)
        verb, _, rest = command.partition(" ")
        if verb == "BDAT":
            self.messages.append(await reader.readexactly(int(rest.split()[0])))
            await self._answer("message", writer)
            return
        reply = await self._answer(verb.upper(), writer) or ""
        if verb == "DATA" and reply.startswith("354"):
            self.messages.append(await _until_dot(reader))
            if self.answer_recipients:
                number = self.messages[-1].partition(b"To: u")[2].partition(b"@")[0]
                self.script["message"] = f"250 number {number.decode()}."
            await self._answer("message", writer)
        if verb == "STARTTLS" and reply.startswith("2") and self._tls:
            await writer.start_tls(self._tls)

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> str | None:
        reply = self.script.get(verb, "250 ok")
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if reply == "":
            raise ConnectionError
        if reply is None:
            self._silent.add(writer)
        elif writer not in self._silent:
            await self._say(reply.encode() + b"\r\n", writer)
        return reply

    async def _say(self, octets: bytes, writer: asyncio.StreamWriter) -> None:
        size = 1 if self.stutters else len(octets)
        for start in range(0, len(octets), size):
            writer.write(octets[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)


async def _until_dot(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readline()) != b".\r\n":
        if not line:
            raise ConnectionError
        lines.append(line)
    return b"".join(lines)


@asynccontextmanager
async def _scripted(
    tls: ssl.SSLContext | None = None, **script: Script
) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(script, tls)
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
