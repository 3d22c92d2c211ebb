"""One connection to a mail server, used for one message."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import NoReturn, cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponse, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol

from idp.connector_kit import InvalidConfig, PermanentFailure, ProviderReply
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.dialing import dial, ehlo_name, look_up
from idp_smtp_email.failures import Stage, breakdown, provider_reply, refusal
from idp_smtp_email.masking import Mask

logger = logging.getLogger("idp_smtp_email")

_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_LEADING_DOTS = re.compile(rb"^\.", re.MULTILINE)
_MECHANISMS = ("cram-md5", "plain", "login")


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A message, and who it is from and to (RFC 5321 §2.3.1)."""

    sender: str
    recipient: str = field(repr=False)
    message: bytes = field(repr=False)
    needs_smtputf8: bool


class Session:
    """The way of one message, from looking up the host to the server's last reply."""

    def __init__(
        self,
        config: SmtpConfig,
        tls_context: Callable[[], SSLContext],
        mask: Mask,
        expires_at: float,
    ) -> None:
        self._config = config
        self._tls_context = tls_context
        self._mask = mask
        self._expires_at = expires_at
        self._stage = Stage.DNS
        self._client = SMTP(
            hostname=config.verified_name,
            local_hostname=config.name or ehlo_name(),
            timeout=None,
            use_tls=config.uses_tls,
            start_tls=False,
        )

    async def deliver(self, envelope: Envelope) -> SMTPResponse:
        """Hand over the message, or raise ConnectorError; the connection is given up either way."""
        try:
            reply = await self._exchange(envelope)
        except BaseException:
            self._abort()
            raise
        self._quit()
        return reply

    async def _exchange(self, envelope: Envelope) -> SMTPResponse:
        try:
            await self._open()
            await self._log_in()
            await self._announce(envelope)
            return await self._hand_over(envelope.message)
        except (OSError, SMTPException) as error:
            failure = breakdown(self._stage, error, self._config, self._mask)
            self._log(failure.reply)
            # The cause may repeat an address or a code, so it must not be shown with the failure.
            raise failure from None

    async def _open(self) -> None:
        config = self._config
        tls_context = self._tls_context() if config.uses_tls else None
        async with self._clock(Stage.DNS, config.dns_timeout):
            addresses = await look_up(config.host, config.server_port, config.local_address)
        async with self._clock(Stage.CONNECT, config.connection_timeout):
            seconds = config.connection_timeout / 1000
            connection = await dial(addresses, config.local_address, seconds)
        async with self._clock(Stage.GREETING, config.greeting_timeout):
            greeting = await self._client.connect(sock=connection, tls_context=tls_context)
        self._check(greeting)
        await self._greet()
        if not config.uses_tls and not config.ignore_tls:
            await self._start_tls()

    async def _greet(self) -> None:
        async with self._clock(Stage.EHLO, self._config.socket_timeout):
            try:
                reply = await self._client.ehlo()
            except SMTPHeloError as error:
                if not 500 <= error.code <= 504:
                    raise
                reply = await self._client.helo()  # RFC 5321 §3.2
        self._check(reply)

    async def _start_tls(self) -> None:
        self._stage = Stage.TLS
        if not self._client.supports_extension("starttls"):
            if self._config.require_tls:
                self._refuse("requireTLS", "requireTLS is set, but the server offers no STARTTLS.")
            return
        async with self._clock(Stage.TLS, self._config.socket_timeout):
            reply = await self._client.starttls(tls_context=self._tls_context())
        self._check(reply)
        await self._greet()

    async def _log_in(self) -> None:
        if self._config.credentials is None:
            return
        self._stage = Stage.AUTH
        if not self._is_private() and not self._config.ignore_tls:
            message = (
                f"The server offers no encryption on port {self._config.server_port}, so the "
                "password was not sent: set secure to true with the port for TLS (usually 465), "
                "or set ignoreTLS to true to send it unencrypted."
            )
            self._refuse("ignoreTLS", message)
        mechanism = self._mechanism()
        user, password = self._config.credentials
        log_in = {
            "cram-md5": self._client.auth_crammd5,
            "plain": self._client.auth_plain,
            "login": self._client.auth_login,
        }[mechanism]
        async with self._clock(Stage.AUTH, self._config.socket_timeout):
            reply = await log_in(user, password.get_secret_value())
        self._check(reply)

    def _mechanism(self) -> str:
        """Choose one: a second attempt would count as a second wrong password."""
        offered = self._client.server_auth_methods
        chosen = next((name for name in _MECHANISMS if name in offered), None)
        if chosen is None:
            if not offered:
                message = "The server offers no login: remove auth, or use the port for submission."
            else:
                names = ", ".join(offered).upper()
                message = f"The server offers no login with a password, only {names}."
            self._refuse("auth", message)
        return chosen

    async def _announce(self, envelope: Envelope) -> None:
        parameters = []
        if self._client.supports_extension("size"):
            parameters.append(f"SIZE={len(envelope.message)}")
        if envelope.needs_smtputf8:
            self._stage = Stage.MAIL
            if not self._client.supports_extension("smtputf8"):
                message = "The server cannot send to or from an address that is not ASCII."
                reply = ProviderReply(stage=self._stage)
                raise PermanentFailure(message, reason="smtputf8_unsupported", reply=reply)
            parameters.append("SMTPUTF8")
        await self._command(Stage.MAIL, f"MAIL FROM:<{envelope.sender}>", *parameters)
        await self._command(Stage.RCPT, f"RCPT TO:<{envelope.recipient}>")

    async def _hand_over(self, message: bytes) -> SMTPResponse:
        await self._command(Stage.DATA, "DATA", positive=3)
        protocol = self._protocol()
        protocol.write(_transparent(message))
        async with self._clock(Stage.MESSAGE, self._config.socket_timeout):
            reply = await protocol.read_response()
        return self._check(reply)

    async def _command(self, stage: Stage, *words: str, positive: int = 2) -> None:
        async with self._clock(stage, self._config.socket_timeout):
            reply = await self._client.execute_command(*(word.encode() for word in words))
        self._check(reply, positive)

    @asynccontextmanager
    async def _clock(self, stage: Stage, milliseconds: int) -> AsyncIterator[None]:
        """Enter a stage and give it its time, as far as the message still has some."""
        self._stage = stage
        ends_at = asyncio.get_running_loop().time() + milliseconds / 1000
        async with asyncio.timeout_at(min(ends_at, self._expires_at)):
            yield

    def _check(self, response: SMTPResponse, positive: int = 2) -> SMTPResponse:
        reply = provider_reply(self._stage, response, self._mask)
        self._log(reply)
        if response.code // 100 != positive:
            raise refusal(self._stage, reply)
        return response

    def _refuse(self, key: str, message: str) -> NoReturn:
        reply = ProviderReply(stage=self._stage)
        raise InvalidConfig(message, problems={key: message}, reply=reply)

    def _protocol(self) -> SMTPProtocol:
        if self._client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        return self._client.protocol

    def _is_private(self) -> bool:
        return self._client.get_transport_info("sslcontext") is not None

    def _log(self, reply: ProviderReply) -> None:
        if self._config.logger or self._config.debug:
            host, port = self._config.host, self._config.server_port
            logger.info("%s:%d %s %s %s", host, port, reply.stage, reply.reply_code, reply.text)

    def _quit(self) -> None:
        """Say goodbye without waiting for the answer."""
        with suppress(SMTPServerDisconnected):
            self._protocol().write(b"QUIT\r\n")
        self._client.close()

    def _abort(self) -> None:
        """Drop the connection with all that was not sent yet: the message must not follow later."""
        if self._client.transport is not None:
            cast("asyncio.WriteTransport", self._client.transport).abort()
        self._client.close()


def _transparent(message: bytes) -> bytes:
    """End all lines with CRLF, double leading dots and add the final one (RFC 5321 §4.5.2)."""
    lines = _LINE_ENDS.sub(b"\r\n", message).removesuffix(b"\r\n") + b"\r\n"
    return _LEADING_DOTS.sub(b"..", lines) + b".\r\n"
