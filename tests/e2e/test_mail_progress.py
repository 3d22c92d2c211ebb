"""The code page says how far the mail is, without a reload."""

import pytest
from playwright.sync_api import Page, expect
from running_demo import RunningDemo

pytestmark = pytest.mark.browser


def test_the_page_says_by_itself_that_the_mail_was_sent(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.ready['issuer']}/register")
    page.get_by_label("Email address").fill("waiting@example.test")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("The mail is on its way.")).to_be_visible()
    expect(page.get_by_text("The mail was sent.")).to_be_visible(timeout=10_000)
    assert page.get_by_label("6-digit code").input_value() == ""
