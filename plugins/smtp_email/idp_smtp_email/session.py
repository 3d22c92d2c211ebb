"""The opening of a connection: look-up, connect, greeting, TLS and login."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext
from typing import NoReturn, cast

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponse

from idp.connector_kit import InvalidConfig, ProviderReply
from idp_smtp_email import proxy
from idp_smtp_email.authentication import Authenticator
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connection import Connection
from idp_smtp_email.dialing import dial, ehlo_name, look_up
from idp_smtp_email.failures import Stage, breakdown, provider_reply, refusal
from idp_smtp_email.transaction import Delivery

TlsContext = Callable[[], Awaitable[SSLContext]]


class Session:
    """Opens one connection, for the delivery that needs it and within its time."""

    def __init__(
        self,
        config: SmtpConfig,
        tls_context: TlsContext,
        authenticator: Authenticator,
        delivery: Delivery,
    ) -> None:
        self._config = config
        self._tls_context = tls_context
        self._authenticator = authenticator
        self._delivery = delivery
        self._stage = Stage.DNS
        self._client = SMTP(
            hostname=config.verified_name,
            timeout=None,
            use_tls=config.uses_tls,
            start_tls=False,
        )

    async def open(self) -> Connection:
        """Return a connection that is ready for messages, or raise ConnectorError."""
        try:
            self._check_login()
            await self._connect()
            await self._log_in()
        except (OSError, SMTPException) as error:
            self._abort()
            failure = breakdown(self._stage, error, self._config, self._delivery.mask)
            self._delivery.trace.lost(failure.reply)
            # The cause may repeat an address or a code, so it must not be shown with the failure.
            raise failure from None
        except BaseException:
            self._abort()
            raise
        transport = cast("asyncio.Transport", self._client.transport)
        return Connection(transport, self._client.esmtp_extensions)

    async def _connect(self) -> None:
        config = self._config
        tls_context = await self._tls_context() if config.uses_tls else None
        connection = await self._dial()
        async with self._clock(Stage.GREETING, config.greeting_timeout):
            greeting = await self._client.connect(
                sock=connection,
                tls_context=tls_context,
                local_hostname=config.name or ehlo_name(connection.getsockname()[0]),
            )
        if tls_context is not None:
            self._show_tls()
        self._check(greeting)
        await self._greet()
        if not config.uses_tls and not config.ignore_tls:
            await self._start_tls()

    async def _dial(self) -> socket.socket:
        config = self._config
        host, port, local = config.host, config.server_port, config.local_address
        seconds = config.connection_timeout / 1000
        if config.proxy is not None:
            async with self._clock(Stage.CONNECT, config.connection_timeout):
                return await proxy.connect(config.proxy, host, port, local, seconds)
        async with self._clock(Stage.DNS, config.dns_timeout):
            addresses = await look_up(host, port, local)
        self._delivery.trace.resolved([str(address[0]) for _, address in addresses])
        async with self._clock(Stage.CONNECT, config.connection_timeout):
            connection = await dial(addresses, local, seconds)
        with suppress(OSError):  # it may be gone already
            self._delivery.trace.connected(str(connection.getpeername()[0]))
        return connection

    async def _greet(self) -> None:
        async with self._clock(Stage.EHLO, self._config.socket_timeout):
            try:
                reply = await self._client.ehlo()
            except SMTPHeloError as error:
                if not 500 <= error.code <= 504:
                    raise
                reply = await self._client.helo()  # RFC 5321 §3.2
        self._check(reply)
        self._delivery.trace.greeted(self._client.esmtp_extensions)

    async def _start_tls(self) -> None:
        self._stage = Stage.TLS
        if not self._client.supports_extension("starttls"):
            if self._config.require_tls:
                message = (
                    "requireTLS is set, but the server offers no STARTTLS on port "
                    f"{self._config.server_port}: use 587, or 465 with secure set to true."
                )
                self._refuse("requireTLS", message)
            return
        tls_context = await self._tls_context()
        async with self._clock(Stage.TLS, self._config.socket_timeout):
            reply = await self._client.starttls(tls_context=tls_context)
        self._check(reply)
        self._show_tls()
        await self._greet()

    async def _log_in(self) -> None:
        if not self._config.auth.user:
            return
        self._stage = Stage.AUTH
        if not self._is_private() and not self._config.ignore_tls:
            message = (
                f"The server offers no encryption on port {self._config.server_port}, so the "
                "password was not sent: set secure to true with the port for TLS (usually 465), "
                "or set ignoreTLS to true to send it unencrypted."
            )
            self._refuse("ignoreTLS", message)
        async with self._clock(Stage.AUTH, self._config.socket_timeout):
            reply = await self._authenticator.log_in(self._client)
        self._check(reply)
        self._delivery.trace.logged_in(self._authenticator.mechanism or "")

    def _check_login(self) -> None:
        """Keep away from a server that refused the login a moment ago."""
        if (refused := self._authenticator.recent_refusal()) is not None:
            self._stage = Stage.AUTH
            self._check(refused)

    @asynccontextmanager
    async def _clock(self, stage: Stage, milliseconds: int) -> AsyncIterator[None]:
        """Enter a stage and give it its time, as far as the message still has some."""
        self._stage = stage
        self._delivery.trace.entered(stage)
        ends_at = asyncio.get_running_loop().time() + milliseconds / 1000
        async with asyncio.timeout_at(min(ends_at, self._delivery.expires_at)):
            yield

    def _check(self, response: SMTPResponse) -> None:
        self._delivery.trace.replied(self._stage, response)
        if response.code // 100 != 2:
            reply = provider_reply(self._stage, response, self._delivery.mask)
            raise refusal(self._stage, reply, self._config)

    def _show_tls(self) -> None:
        connection = self._client.get_transport_info("ssl_object")
        facts = {
            "version": connection.version(),
            "cipher": connection.cipher()[0],
            "certificate": connection.getpeercert(binary_form=True),
        }
        self._delivery.trace.secured(facts)

    def _refuse(self, key: str, message: str) -> NoReturn:
        reply = ProviderReply(stage=self._stage)
        raise InvalidConfig(message, problems={key: message}, reply=reply)

    def _is_private(self) -> bool:
        return self._client.get_transport_info("sslcontext") is not None

    def _abort(self) -> None:
        if self._client.transport is not None:
            cast("asyncio.WriteTransport", self._client.transport).abort()
        self._client.close()
