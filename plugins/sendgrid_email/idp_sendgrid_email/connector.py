"""The SendGrid connector: from a request to a mail SendGrid has queued."""

from collections.abc import Sequence

from idp.connector_kit import (
    DeliveryReceipt,
    EmailRequest,
    Mailbox,
    Mask,
    TemplateSet,
    parse_mailbox,
    render,
)
from idp.connector_kit.composer import template_mailbox
from idp.connector_kit.http import HttpAnswer, HttpEmailConnector, HttpEndpoint, HttpMail
from idp_sendgrid_email.config import SendGridConfig
from idp_sendgrid_email.failures import refusal
from idp_sendgrid_email.metadata import METADATA
from idp_sendgrid_email.payload import mail_send_body

_KEEP_ALIVE = 30.0  # seconds


class SendGridConnector(HttpEmailConnector[SendGridConfig]):
    """Sends mails through the v3 Mail Send API."""

    metadata = METADATA
    config_model = SendGridConfig

    def __init__(self, config: SendGridConfig) -> None:
        super().__init__(config)
        self._templates = TemplateSet(config.templates)
        sender = parse_mailbox(config.from_email)
        self._sender = Mailbox(sender.address, config.from_name or sender.display_name)
        self._headers = {
            "Authorization": f"Bearer {config.api_key.get_secret_value()}",
            "Content-Type": "application/json",
        }

    def open_endpoint(self) -> HttpEndpoint:
        return HttpEndpoint(
            f"{self.config.base_url}/v3/mail/send",
            key="baseUrl",
            timeout=self.config.timeout / 1000,
            keep_alive=_KEEP_ALIVE,
        )

    def secrets(self) -> Sequence[str]:
        return [self.config.api_key.get_secret_value()]

    def compose(self, request: EmailRequest) -> HttpMail:
        template = self._templates.select(request.usage_type, request.custom_template)
        rendered = render(template, request.payload)
        sender = self._sender_in(rendered.send_from)
        reply_to = template_mailbox(rendered.reply_to or self.config.reply_to)
        return HttpMail(mail_send_body(rendered, request, sender, reply_to), self._headers)

    def judge(self, answer: HttpAnswer, mask: Mask) -> DeliveryReceipt:
        if not answer.is_success:
            raise refusal(answer, self.config, mask)
        provider_id = answer.headers.get("X-Message-Id") or None
        return DeliveryReceipt(provider_id=provider_id, reply=answer.as_reply("").text)

    def _sender_in(self, send_from: str | None) -> Mailbox:
        """Return a template's sender; in Logto, for SendGrid, it is no more than a name."""
        if send_from and "@" not in send_from:
            return Mailbox(self._sender.address, send_from)
        return template_mailbox(send_from) or self._sender
