"""The HTTP connector: from a request to a mail that an own endpoint has taken."""

import json
from collections.abc import Sequence

from idp.connector_kit import (
    DeliveryReceipt,
    EmailRequest,
    Mask,
    PermanentFailure,
    parse_mailbox,
)
from idp.connector_kit.http import HttpAnswer, HttpEmailConnector, HttpEndpoint, HttpMail
from idp_http_email.config import HttpConfig
from idp_http_email.failures import refusal
from idp_http_email.metadata import METADATA
from idp_http_email.signature import signing_key, webhook_headers, webhook_id

_KEEP_ALIVE = 4.0  # seconds; Node.js and uvicorn hang up after 5


class HttpConnector(HttpEmailConnector[HttpConfig]):
    """Hands mails over as Logto does; the endpoint words and sends them."""

    metadata = METADATA
    config_model = HttpConfig

    def __init__(self, config: HttpConfig) -> None:
        super().__init__(config)
        self._keys = [signing_key(secret.get_secret_value()) for secret in config.secret]
        self._headers = {"Content-Type": "application/json"}
        if config.authorization is not None:
            self._headers["Authorization"] = config.authorization.get_secret_value()

    def open_endpoint(self) -> HttpEndpoint:
        return HttpEndpoint(
            self.config.endpoint,
            key="endpoint",
            timeout=self.config.timeout / 1000,
            keep_alive=_KEEP_ALIVE,
        )

    def secrets(self) -> Sequence[str]:
        authorization = self._headers.get("Authorization", "")
        signing = [secret.get_secret_value() for secret in self.config.secret]
        return [authorization, authorization.rpartition(" ")[2], *signing]

    def compose(self, request: EmailRequest) -> HttpMail:
        mail: dict[str, object] = {
            "to": _recipient(request),
            "type": request.usage_type.value,
            "payload": dict(request.payload),
        }
        if request.ip:
            mail["ip"] = request.ip
        body = json.dumps(mail, separators=(",", ":")).encode()
        headers = webhook_headers(webhook_id(request), body, self._keys)
        return HttpMail(body, self._headers | headers)

    def judge(self, answer: HttpAnswer, mask: Mask) -> DeliveryReceipt:
        if not answer.is_success:
            raise refusal(answer, mask)
        return DeliveryReceipt(reply=answer.as_reply("").text)


def _recipient(request: EmailRequest) -> str:
    try:
        return parse_mailbox(request.to, display_name=False).address
    except ValueError as error:
        message = "The recipient is not exactly one mail address."
        raise PermanentFailure(message, reason="invalid_recipient") from error
