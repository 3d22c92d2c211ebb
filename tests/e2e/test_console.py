"""The console in a real browser: a connector from its example to a mail, and every page for all."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from people import verification_code_in
from playwright.sync_api import Page, expect
from running_demo import RunningDemo

from idp.connector_kit.testing import ReceivedEmail

pytestmark = pytest.mark.browser

USER, PASSWORD = "mailer", "open-sesame-77"


class Provider:
    """A mail server that asks for a login."""

    def __init__(self) -> None:
        self.mails: list[ReceivedEmail] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self._authenticate,
            auth_require_tls=False,
        )

    def _authenticate(self, _s: SMTP, _x: Session, _e: Envelope, _m: str, data: Any) -> AuthResult:
        is_right = data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    async def handle_DATA(self, _s: SMTP, _x: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(ReceivedEmail.from_bytes(envelope.content, envelope.rcpt_tos))
        return "250 2.0.0 taken"


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    provider.controller.start()
    yield provider
    provider.controller.stop()


@pytest.fixture
def demo() -> Iterator[RunningDemo]:
    """Return a demo of its own: its link works once, and its connectors change."""
    running = RunningDemo.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def console(page: Page, demo: RunningDemo) -> Page:
    page.goto(demo.ready["admin_link"])
    page.get_by_role("button", name="Open the console").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def fill_in_example(page: Page, provider: Provider) -> None:
    """Replace what the example leaves open, with a wrong password."""
    text = page.get_by_label("Settings as JSON")
    config = json.loads(text.input_value())
    assert config["greetingTimeout"] == 10000
    config |= {"host": "127.0.0.1", "port": provider.port, "fromEmail": "idp@example.test"}
    config |= {"requireTLS": False, "ignoreTLS": True, "replyTo": ""}
    config["auth"] = {"user": USER, "pass": "wrong"}
    text.fill(json.dumps(config, indent=2))


def test_a_connector_is_set_up_from_its_example_and_carries_the_first_code(
    console: Page, demo: RunningDemo, provider: Provider
) -> None:
    console.get_by_role("link", name="Connectors").click()
    console.get_by_role("heading", name="SMTP", exact=True).get_by_role("link").last.click()
    console.get_by_role("button", name="JSON").click()
    fill_in_example(console, provider)
    console.get_by_label("Address").fill("me@example.test")
    console.get_by_role("button", name="Send").click()
    expect(console.get_by_text("It did not work.")).to_be_visible()
    expect(console.locator(".advice")).to_contain_text("check auth.user and auth.pass")
    assert provider.mails == []
    console.get_by_role("button", name="Form", exact=True).click()
    console.locator("[name='config.auth.pass']").fill(PASSWORD)
    console.get_by_role("button", name="Send").click()
    expect(console.get_by_text("The mail was accepted.")).to_be_visible()
    assert provider.mails[-1].recipient == "me@example.test"
    console.get_by_role("button", name="Save and done").click()
    expect(console.get_by_role("status")).to_contain_text("Saved.")
    for place in (4, 3, 2):
        console.get_by_role("button", name=f"Move {place}. SMTP up").click()
    sign_up(console, demo, provider)


def sign_up(page: Page, demo: RunningDemo, provider: Provider) -> None:
    page.goto(f"{demo.ready['issuer']}/register")
    page.get_by_label("Email address").fill("newcomer@example.test")
    page.get_by_role("button", name="Continue").click()
    field = page.get_by_label("6-digit code")
    expect(field).to_be_visible()
    page.wait_for_timeout(200)
    mail = next(mail for mail in provider.mails if mail.recipient == "newcomer@example.test")
    field.press_sequentially(verification_code_in(mail))
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


def test_a_failing_connector_shows_in_the_attempts_and_the_next_one_sends(
    console: Page, demo: RunningDemo
) -> None:
    console.get_by_role("link", name="Connectors").click()
    console.get_by_role("button", name="Move 2. SMTP up").click()
    console.goto(f"{demo.ready['issuer']}/forgot-password")
    console.get_by_label("Email address").fill("alice@example.com")
    console.get_by_role("button", name="Continue").click()
    demo.wait_for_mail("alice@example.com", 1)
    console.goto(f"{demo.ready['issuer']}/console/deliveries")
    console.get_by_label("Exact recipient").fill("alice@example.com")
    console.get_by_role("button", name="Show").click()
    console.locator("tbody a").first.click()
    timeline = console.locator(".timeline li")
    expect(timeline).to_have_count(2)
    expect(timeline.first).to_contain_text("451")
    expect(timeline.first).to_contain_text("4.3.2")
    expect(timeline.last).to_contain_text("sent")
    assert "alice@example.com" not in console.content()
