"""The SMTP connector: from a request to a mail the server has taken."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from ssl import SSLContext

from idp.connector_kit import (
    Composer,
    ConnectorError,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    Mask,
    ProbeStep,
    TemplateSet,
    TransientFailure,
    parse_mailbox,
    private_texts,
)
from idp_smtp_email.authentication import Authenticator
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connection import Connection
from idp_smtp_email.dkim import Signer
from idp_smtp_email.masking import spellings
from idp_smtp_email.metadata import METADATA
from idp_smtp_email.pool import Pool
from idp_smtp_email.probe import ProbeTrace
from idp_smtp_email.session import Session
from idp_smtp_email.tls import client_context
from idp_smtp_email.trace import LoggedTrace, NoTrace, Trace
from idp_smtp_email.transaction import Delivery, Envelope, Transaction

_QUEUE_ID = re.compile(r"(?:queued as |\bid=)([\w.+-]*\w)|^Ok ([\w-]{20,})", re.IGNORECASE)

_NO_TRACE = NoTrace()


class SmtpConnector(EmailConnector[SmtpConfig]):
    """Sends mails over a few connections that are kept open."""

    metadata = METADATA
    config_model = SmtpConfig

    def __init__(self, config: SmtpConfig) -> None:
        super().__init__(config)
        self._templates = TemplateSet(config.templates)
        self._composer = Composer(
            parse_mailbox(config.from_email),
            reply_to=config.reply_to,
            headers=config.custom_headers,
        )
        bounces = config.envelope_from
        self._return_path = parse_mailbox(bounces, display_name=False) if bounces else None
        self._secrets: list[str] = []
        if config.credentials:
            user, password = config.credentials
            self._secrets = spellings(user, password.get_secret_value())
        phases = config.dns_timeout + config.connection_timeout + config.greeting_timeout
        self._longest = (phases + config.socket_timeout) / 1000
        self._signer = Signer(config.dkim)
        self._authenticator = Authenticator(config, self.change_config)
        self._pool = Pool(config, self._open)
        self._making_context: asyncio.Task[SSLContext] | None = None

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        mask = self._mask(request)
        trace = self._trace(mask)
        delivery = self._delivery(request, mask, trace)
        try:
            reply = await self._pool.deliver(delivery)
        except ConnectorError as failure:
            failure.transcript = "\n".join(trace.lines) or None
            raise
        queue_id = _QUEUE_ID.search(reply.message)
        provider_id = queue_id[1] or queue_id[2] if queue_id else None
        text = f"{reply.code} {mask(reply.message)}"
        transcript = "\n".join(trace.lines) or None
        return DeliveryReceipt(provider_id=provider_id, reply=text, transcript=transcript)

    def gauges(self) -> Mapping[str, float]:
        return self._pool.gauges()

    async def probe(self, request: EmailRequest) -> list[ProbeStep]:
        mask = self._mask(request)
        trace = ProbeTrace(self.config, mask)
        try:
            await self._send_apart(self._delivery(request, mask, trace))
        except ConnectorError as failure:
            trace.fail(failure)
        else:
            trace.close()
        return trace.steps

    async def aclose(self) -> None:
        await self._pool.aclose()
        await self._authenticator.aclose()

    async def _send_apart(self, delivery: Delivery) -> None:
        """Send over a fresh connection, however many are open: each step shall be seen."""
        connection = await self._open(delivery)
        try:
            await connection.hold(Transaction(connection, delivery, self.config).run())
        finally:
            connection.leave()

    async def _open(self, delivery: Delivery) -> Connection:
        session = Session(self.config, self._tls_context, self._authenticator, delivery)
        return await session.open()

    async def _tls_context(self) -> SSLContext:
        """Return the context all connections share, made once and beside the event loop."""
        if self._making_context is None:
            making = asyncio.to_thread(client_context, self.config.tls)
            self._making_context = asyncio.create_task(making)
        return await asyncio.shield(self._making_context)

    def _trace(self, mask: Mask) -> Trace:
        if self.config.logger or self.config.debug:
            return LoggedTrace(f"{self.config.host}:{self.config.server_port}", mask)
        return _NO_TRACE

    def _delivery(self, request: EmailRequest, mask: Mask, trace: Trace) -> Delivery:
        expires_at = self._expiry(request)
        envelope = self._envelope(request)
        return Delivery(envelope=envelope, expires_at=expires_at, mask=mask, trace=trace)

    def _envelope(self, request: EmailRequest) -> Envelope:
        template = self._templates.select(request.usage_type, custom=request.custom_template)
        mail = self._composer.compose(template, request)
        return_path = self._return_path or mail.sender
        return Envelope(
            sender=return_path.address,
            recipient=mail.recipient.address,
            message=self._signer.sign(mail.message),
            has_leading_dots=mail.has_leading_dots,
            needs_smtputf8=mail.needs_smtputf8 or return_path.needs_smtputf8,
        )

    def _mask(self, request: EmailRequest) -> Mask:
        return Mask(private_texts(request.to, request.payload) + self._secrets)

    def _expiry(self, request: EmailRequest) -> float:
        """Return the loop time at which to give up: all clocks together, or the mail's deadline."""
        seconds = self._longest
        if request.deadline is not None:
            seconds = min(seconds, (request.deadline - datetime.now(UTC)).total_seconds())
        if seconds <= 0:
            raise TransientFailure("The deadline of this mail has passed; it was not sent.")
        return self._loop.time() + seconds
