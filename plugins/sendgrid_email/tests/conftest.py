"""A server that speaks SendGrid's Mail Send API as its reference describes it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.message import EmailMessage
from typing import Any

import pytest
from http_server import HttpRequest, HttpServer, reply, running_http_server
from idp_sendgrid_email import SendGridConfig, SendGridConnector

from idp.connector_kit import EmailRequest, UsageType
from idp.connector_kit.testing import ReceivedEmail

Wire = dict[str, Any]
API_KEY = "SG.open-sesame-77.hush"
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type",
    "content-transfer-encoding", "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class MailSendApi:
    """Takes mails of one verified sender, and refuses whatever the reference says it refuses."""

    def __init__(self) -> None:
        self.emails: list[ReceivedEmail] = []
        self.bodies: list[Wire] = []

    def __call__(self, request: HttpRequest) -> bytes:
        if (request.method, request.target) != ("POST", "/v3/mail/send"):
            return reply(404, {"errors": [{"message": "not found", "field": None}]})
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            words = "The provided authorization grant is invalid, expired, or revoked"
            return reply(401, {"errors": [{"message": words, "field": None, "help": None}]})
        if request.headers.get("content-type") != "application/json":
            return reply(415, {"errors": [{"message": "Content-Type must be JSON"}]})
        body = request.json()
        if (problem := _problem(body)) is not None:
            status, field, words = problem
            return reply(status, {"errors": [{"message": words, "field": field, "help": None}]})
        self.bodies.append(body)
        self.emails.append(_received(body))
        return reply(202, X_Message_Id=f"sg-{len(self.emails)}")


def _problem(body: Wire) -> tuple[int, str, str] | None:
    """Return status, field and message of the first thing SendGrid would object to."""
    personalizations = body.get("personalizations", [])
    if len(personalizations) != 1 or len(personalizations[0]["to"]) != 1:
        return 400, "personalizations", "one mail has exactly one personalization and recipient"
    recipient = personalizations[0]["to"][0]
    if recipient["email"].count("@") != 1 or not recipient["email"].isascii():
        return 400, "personalizations.0.to.0.email", "Does not contain a valid address."
    if body["from"]["email"] != "idp@example.test":
        words = "The from address does not match a verified Sender Identity."
        return 403, "from", words
    if not body.get("subject"):
        return 400, "subject", "The subject is required."
    return _content_problem(body["content"]) or _detail_problem(body)


def _content_problem(content: list[Wire]) -> tuple[int, str, str] | None:
    if not content:
        return 400, "content", "The content param is required."
    if not all(part["value"] for part in content):
        return 400, "content.0.value", "The content value must be a string at least one character."
    types = [part["type"] for part in content]
    if types not in (["text/plain"], ["text/html"], ["text/plain", "text/html"]):
        return 400, "content", "text/plain needs to be first, followed by text/html"
    return None


def _detail_problem(body: Wire) -> tuple[int, str, str] | None:
    for name, value in body.get("headers", {}).items():
        if name.lower() in RESERVED or not f"{name}{value}".isascii() or not value:
            return 400, "headers", "Header can not be one of the reserved keys."
    if not all(isinstance(value, str) for value in body.get("custom_args", {"": ""}).values()):
        return 400, "custom_args", "All values of custom arguments object must be strings"
    tracking = body.get("tracking_settings", {})
    if not all(isinstance(setting["enable"], bool) for setting in tracking.values()):
        return 400, "tracking_settings", "The enable param should be a boolean value."
    return None


def _received(body: Wire) -> ReceivedEmail:
    parts = {part["type"]: part["value"] for part in body["content"]}
    headers = EmailMessage()
    for name, value in body["headers"].items():
        headers[name] = value
    return ReceivedEmail(
        recipient=body["personalizations"][0]["to"][0]["email"],
        subject=body["subject"],
        text=parts.get("text/plain", ""),
        html=parts.get("text/html"),
        headers=headers,
    )


class RunningApi:
    """The API with its server."""

    def __init__(self, api: MailSendApi, server: HttpServer) -> None:
        self.api, self.server = api, server


@asynccontextmanager
async def _sendgrid() -> AsyncIterator[RunningApi]:
    api = MailSendApi()
    async with running_http_server(api) as server:
        yield RunningApi(api, server)


@pytest.fixture
def sendgrid() -> Callable[[], AbstractAsyncContextManager[RunningApi]]:
    """Start a server that speaks SendGrid's API."""
    return _sendgrid


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """Make a configuration as an administrator writes it, for a port of this machine."""

    def config(port: int = 1, **changes: object) -> Wire:
        words = {"type": "text/plain", "subject": "{{code}}", "content": "Code {{code}}"}
        usage_types = ("Register", "SignIn", "ForgotPassword", "Generic")
        templates = [{"usageType": usage_type, **words} for usage_type in usage_types]
        base = {"apiKey": API_KEY, "fromEmail": "idp@example.test", "fromName": "Idp"}
        address = {"baseUrl": f"http://127.0.0.1:{port}"}
        return {**base, "templates": templates, **address, **changes}

    return config


@pytest.fixture
async def connect(wire: Callable[..., Wire]) -> AsyncIterator[Callable[..., SendGridConnector]]:
    """Make a connector for a port of this machine; it is closed when the test ends."""
    connectors: list[SendGridConnector] = []

    def connector(port: int, **changes: object) -> SendGridConnector:
        connectors.append(SendGridConnector(SendGridConfig.parse(wire(port, **changes))))
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
