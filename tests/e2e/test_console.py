"""The console in a real browser: a connector from its example to a mail, and every page for all."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from keyboard import Keyboard
from people import verification_code_in
from playwright.sync_api import Browser, Page, expect
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


def test_a_failing_mail_is_followed_to_the_connector_that_sent_it_without_a_mouse(
    console: Page, demo: RunningDemo
) -> None:
    keyboard = Keyboard(console)
    keyboard.follow("Connectors")
    keyboard.follow("Move 2. SMTP up")
    console.goto(f"{demo.ready['issuer']}/forgot-password")
    keyboard.type("Email address", "alice@example.com")
    keyboard.follow("Continue")
    demo.wait_for_mail("alice@example.com", 1)
    console.goto(f"{demo.ready['issuer']}/console")
    keyboard.follow("Deliveries")
    keyboard.type("Exact recipient", "alice@example.com")
    keyboard.follow("Show")
    keyboard.follow(console.locator("tbody a").inner_text())
    timeline = console.locator(".timeline li")
    expect(timeline).to_have_count(2)
    expect(timeline.first).to_contain_text("1. SMTP")
    expect(timeline.first).to_contain_text("451")
    expect(timeline.first).to_contain_text("4.3.2")
    expect(timeline.last).to_contain_text("2. SMTP")
    expect(timeline.last).to_contain_text("sent")
    assert "alice@example.com" not in console.content()


def test_german_wording_is_written_without_a_mouse_and_reaches_who_reads_german(
    console: Page, demo: RunningDemo
) -> None:
    keyboard = Keyboard(console)
    keyboard.follow("Templates")
    keyboard.follow("Register in de: unchanged")
    write_in_german(console, keyboard)
    keyboard.type("Address", "me@example.test")
    keyboard.reach("Send")
    keyboard.press("Enter")
    expect(console.get_by_text("The mail was accepted.")).to_be_visible()
    assert "Schön, dass du da bist" in demo.wait_for_mail("me@example.test", 1).text
    keyboard.follow("Save and done")
    expect(console.get_by_role("status")).to_contain_text("Saved.")
    expect(console.get_by_role("link", name="Register in de: yours")).to_be_visible()
    console.goto(f"{demo.ready['issuer']}/register?ui_locales=de")
    keyboard.type("E-Mail-Adresse", "neu@example.test")
    keyboard.follow("Weiter")
    mail = demo.wait_for_mail("neu@example.test", 1)
    verification_code = verification_code_in(mail)
    assert mail.headers["Subject"] == f"Willkommen bei uns: {verification_code}"
    assert f"<b>{verification_code}</b>" in (mail.html or "")


def write_in_german(page: Page, keyboard: Keyboard) -> None:
    """Type subject and content, leave the text part to be derived, and look at all of it."""
    preview = page.frame_locator(".frame iframe:not(.coming)")
    expect(preview.locator("h1")).to_have_text("482913 ist Ihr Code für Sample Application")
    places = page.evaluate("history.length")
    keyboard.type("Subject", "Willkommen bei uns: {{code}}")
    keyboard.type("Content", "<p>Schön, dass du da bist. Dein Code: <b>{{code}}</b></p>")
    expect(preview.locator("h1")).to_have_text("Willkommen bei uns: 482913")
    mail = preview.frame_locator("iframe")
    expect(mail.locator("p")).to_have_text("Schön, dass du da bist. Dein Code: 482913")
    keyboard.type("Text", "")
    expect(page.locator("#findings")).to_contain_text("is derived from the content")
    keyboard.reach("Desktop")
    keyboard.press("ArrowLeft")  # from the first to the last one
    keyboard.press("ArrowLeft")
    expect(preview.locator("pre")).to_have_text("Schön, dass du da bist. Dein Code: 482913")
    assert page.evaluate("history.length") == places  # no preview is in the way of going back


HOSTILE = """<script>top.document.title = 'taken'</script>
<img src="data:," onerror="top.location = 'https://example.test/'"><p>{{code}}</p>"""


def test_the_preview_needs_no_script_and_runs_none(browser: Browser, demo: RunningDemo) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(demo.ready["admin_link"])
    page.get_by_role("button", name="Open the console").click()
    editor = f"{demo.ready['issuer']}/console/templates/fr/SignIn"
    page.goto(editor)
    preview = page.frame_locator("iframe[name=preview]")
    expect(preview.locator("h1")).to_contain_text("482913")
    page.get_by_label("Subject").fill("Bonjour {{code}}")
    page.get_by_label("Phone").check()
    page.get_by_role("button", name="Show").click()
    expect(preview.locator("h1")).to_have_text("Bonjour 482913")
    expect(preview.locator("html")).to_have_class("phone")
    with browser.new_context(storage_state=context.storage_state()) as scripted:
        page = scripted.new_page()
        page.goto(editor)
        page.get_by_label("Content", exact=True).fill(HOSTILE)
        shown = page.frame_locator(".frame iframe:not(.coming)").frame_locator("iframe")
        expect(shown.locator("p")).to_have_count(1)
        page.wait_for_timeout(200)
        assert (page.url, "taken" in page.title()) == (editor, False)
    context.close()
