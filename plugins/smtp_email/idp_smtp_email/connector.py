"""The SMTP connector: from a request to a mail the server has taken."""

import asyncio
import re
from datetime import UTC, datetime
from functools import cached_property
from ssl import SSLContext

from idp.connector_kit import (
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    Mailbox,
    PermanentFailure,
    TemplateSet,
    TransientFailure,
    build_mime,
    parse_mailbox,
    render,
)
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.masking import Mask, private_texts, spellings
from idp_smtp_email.metadata import METADATA
from idp_smtp_email.session import Envelope, Session
from idp_smtp_email.tls import client_context

_QUEUE_ID = re.compile(r"(?:queued as |\bid=)([\w.+-]*\w)|^Ok ([\w-]{20,})", re.IGNORECASE)


class SmtpConnector(EmailConnector[SmtpConfig]):
    """Sends each mail over a connection of its own."""

    metadata = METADATA
    config_model = SmtpConfig

    def __init__(self, config: SmtpConfig) -> None:
        super().__init__(config)
        self._templates = TemplateSet(config.templates)

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        envelope = self._envelope(request)
        mask = self._mask(request)
        session = Session(self.config, lambda: self._tls_context, mask, self._expiry(request))
        reply = await session.deliver(envelope)
        queue_id = _QUEUE_ID.search(reply.message)
        provider_id = queue_id[1] or queue_id[2] if queue_id else None
        return DeliveryReceipt(provider_id=provider_id, reply=f"{reply.code} {mask(reply.message)}")

    @cached_property
    def _tls_context(self) -> SSLContext:
        return client_context(self.config.tls)

    def _envelope(self, request: EmailRequest) -> Envelope:
        template = self._templates.select(request.usage_type, custom=request.custom_template)
        rendered = render(template, request.payload)
        sender = _template_mailbox(rendered.send_from) or parse_mailbox(self.config.from_email)
        reply_to = _template_mailbox(rendered.reply_to or self.config.reply_to)
        headers = self.config.custom_headers
        message = build_mime(rendered, request, sender=sender, reply_to=reply_to, headers=headers)
        recipient = parse_mailbox(request.to, display_name=False)
        bounces = self.config.envelope_from
        return_path = parse_mailbox(bounces, display_name=False) if bounces else sender
        mailboxes = filter(None, (sender, reply_to, recipient, return_path))
        return Envelope(
            sender=return_path.address,
            recipient=recipient.address,
            message=message,
            needs_smtputf8=any(mailbox.needs_smtputf8 for mailbox in mailboxes),
        )

    def _mask(self, request: EmailRequest) -> Mask:
        private = private_texts(request.to, request.payload)
        if self.config.credentials:
            user, password = self.config.credentials
            private += spellings(user, password.get_secret_value())
        return Mask(private)

    def _expiry(self, request: EmailRequest) -> float:
        """Return the loop time at which to give up: all clocks together, or the mail's deadline."""
        config = self.config
        phases = config.dns_timeout + config.connection_timeout + config.greeting_timeout
        seconds = (phases + config.socket_timeout) / 1000
        if request.deadline is not None:
            seconds = min(seconds, (request.deadline - datetime.now(UTC)).total_seconds())
        if seconds <= 0:
            raise TransientFailure("The deadline of this mail has passed; it was not sent.")
        return asyncio.get_running_loop().time() + seconds


def _template_mailbox(text: str | None) -> Mailbox | None:
    try:
        return parse_mailbox(text) if text else None
    except ValueError as error:
        message = "sendFrom or replyTo of this template is not exactly one mail address."
        raise PermanentFailure(message, reason="invalid_header") from error
