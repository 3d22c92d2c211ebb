"""What a person does with their account, in a real browser, with scripts and without."""

from collections.abc import Iterator

import pytest
from people import verification_code_in
from playwright.sync_api import Browser, Page, expect
from running_demo import RunningDemo

pytestmark = pytest.mark.browser

PASSWORD = "four quiet herons wade"


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """Return a page in which no script runs."""
    context = browser.new_context(locale="en-US", java_script_enabled=False)
    yield context.new_page()
    context.close()


def type_code(page: Page, demo: RunningDemo, email: str, mail: int = 1) -> None:
    verification_code = verification_code_in(demo.wait_for_mail(email, mail))
    page.get_by_label("6-digit code").fill(verification_code)
    page.get_by_role("button", name="Continue").click()


def register(page: Page, demo: RunningDemo, email: str) -> None:
    page.goto(f"{demo.ready['issuer']}/register")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Continue").click()
    type_code(page, demo, email)
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


def test_a_person_without_scripts_renames_moves_and_deletes_the_account(
    plain_page: Page, demo: RunningDemo
) -> None:
    page, old, new = plain_page, "gerda@example.test", "gerda@elsewhere.test"
    register(page, demo, old)
    page.get_by_role("link", name="Change name and language").click()
    page.get_by_label("Full name").fill("Gerda Gans")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your changes are saved.")
    expect(page.get_by_text("Gerda Gans")).to_be_visible()
    page.get_by_role("link", name="Change address").click()
    page.get_by_label("Email address").fill(new)
    page.get_by_role("button", name="Continue").click()
    type_code(page, demo, new)
    expect(page.get_by_role("status")).to_have_text("Your email address was changed.")
    assert demo.wait_for_mail(old, 2).subject == "Your email address was changed"
    page.get_by_role("link", name="Delete account").click()
    page.get_by_label("Email address").fill(new)
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status")).to_contain_text("is deleted")


def test_a_person_sets_a_password_and_signs_another_browser_out(
    page: Page, plain_page: Page, demo: RunningDemo
) -> None:
    email = "hanna@example.test"
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{demo.ready['issuer']}/register")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Continue").click()
    first = verification_code_in(demo.wait_for_mail(email, 1))
    page.get_by_label("6-digit code").press_sequentially(first)  # goes on at the last digit
    page.get_by_role("link", name="Set a password").click()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Save password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is saved")
    plain_page.goto(f"{demo.ready['issuer']}/sign-in/password")
    plain_page.get_by_label("Email address").fill(email)
    plain_page.get_by_label("Password").fill(PASSWORD)
    plain_page.get_by_role("button", name="Sign in").click()
    expect(plain_page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()
    assert demo.wait_for_mail(email, 3).subject == "New sign-in to your account"
    page.reload()
    page.get_by_role("button", name="Sign out there").click()
    plain_page.reload()
    expect(plain_page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_account_page_fits_a_small_phone(page: Page, demo: RunningDemo, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{demo.ready['issuer']}/register")
    email = f"somebody.with.a.really.long.name.{scheme}@example.test"
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Continue").click()
    first = verification_code_in(demo.wait_for_mail(email, 1))
    page.get_by_label("6-digit code").press_sequentially(first)
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for name in ("profile", "address", "password", "delete"):
        page.goto(f"{demo.ready['issuer']}/account/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
