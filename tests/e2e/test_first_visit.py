"""What a first visitor does, in a real browser: register, sign out, come back, reset, come back."""

from pathlib import Path

import pytest
from people import verification_code_in
from playwright.sync_api import Page, expect
from running_demo import RunningDemo

pytestmark = pytest.mark.browser

EMAIL = "frida@example.test"
PASSWORD = "four quiet herons wade"


class Visitor:
    """Somebody with a browser and a mailbox."""

    def __init__(self, page: Page, demo: RunningDemo) -> None:
        self.page = page
        self.demo = demo
        self.mails = 0

    def register(self) -> None:
        self.page.goto(self.demo.ready["sample_app"])
        self.page.get_by_role("link", name="Create account").click()
        self.prove_address()

    def sign_in_by_code(self) -> None:
        self.page.get_by_role("button", name="Sign in").click()
        self.prove_address()

    def reset_password(self) -> None:
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("link", name="Use a password instead").click()
        self.page.get_by_role("link", name="Forgot your password?").click()
        self.prove_address()
        self.page.get_by_label("New password").fill(PASSWORD)
        self.page.get_by_role("button", name="Save password").click()

    def sign_in_by_password(self) -> None:
        self.page.get_by_label("Email address").fill(EMAIL)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def prove_address(self) -> None:
        """Type the address, then the code; the page goes on at its last digit."""
        self.page.get_by_label("Email address").fill(EMAIL)
        self.page.get_by_role("button", name="Continue").click()
        self.mails += 1
        mail = self.demo.wait_for_mail(EMAIL, self.mails)
        self.page.get_by_label("6-digit code").press_sequentially(verification_code_in(mail))

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        expect(self.page.get_by_role("heading", name="Sample app")).to_be_visible()

    def is_signed_in(self) -> None:
        expect(self.page.get_by_role("heading", name=f"Hello, {EMAIL}")).to_be_visible()
        assert self.page.url.startswith(self.demo.ready["sample_app"])


def test_a_visitor_registers_comes_back_by_code_and_with_a_new_password(
    page: Page, demo: RunningDemo
) -> None:
    visitor = Visitor(page, demo)
    visitor.register()
    visitor.is_signed_in()
    visitor.sign_out()
    visitor.sign_in_by_code()
    visitor.is_signed_in()
    visitor.sign_out()
    visitor.reset_password()
    expect(page.get_by_role("status")).to_contain_text("Your password was changed")
    visitor.sign_in_by_password()
    visitor.is_signed_in()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_pages_fit_a_small_phone(
    page: Page, demo: RunningDemo, scheme: str, screenshots: Path | None
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{demo.ready['issuer']}/sign-in")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    take_picture(page, screenshots, f"sign-in-{scheme}")
    name = f"frida.{scheme}" if screenshots else f"somebody.with.a.long.name.{scheme}"
    page.get_by_label("Email address").fill(f"{name}@example.test")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("6-digit code")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    take_picture(page, screenshots, f"code-{scheme}")


def take_picture(page: Page, screenshots: Path | None, name: str) -> None:
    """Take a picture for the documentation, and leave the page as it was."""
    if screenshots:
        size = page.viewport_size
        assert size
        page.set_viewport_size({"width": 720, "height": 840})
        page.screenshot(path=screenshots / f"{name}.png")
        page.set_viewport_size(size)
