"""The field for the code takes it as people have it at hand, with a script and without."""

from collections.abc import Callable, Iterator

import pytest
from people import verification_code_in
from playwright.sync_api import Browser, Page, Route, expect
from running_demo import RunningDemo
from tour import Tour

pytestmark = pytest.mark.browser

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda code: code,
    "in two groups": lambda code: f"{code[:3]} {code[3:]}",
    "with a hyphen": lambda code: f"{code[:3]}-{code[3:]}",
    "with spaces around": lambda code: f"  {code}\n",
    "out of a sentence": lambda code: f"Your code: {code}",
    "in full width": lambda code: code.translate(FULL_WIDTH),
    "in Arabic-Indic digits": lambda code: code.translate(ARABIC),
}


@pytest.fixture(params=[True, False], ids=["with a script", "without a script"])
def tour(browser: Browser, demo: RunningDemo, request: pytest.FixtureRequest) -> Iterator[Tour]:
    context = browser.new_context(locale="en-US", java_script_enabled=request.param)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tour = Tour(context.new_page(), demo)
    tour.has_script = request.param
    yield tour
    context.close()


@pytest.fixture
def clipboard(browser: Browser, demo: RunningDemo) -> Iterator[Page]:
    """Return a page that can put something into the clipboard all pages share."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(demo.ready["issuer"] + "/sign-in")
    yield page
    context.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_code_is_pasted_in_any_of_these_ways(tour: Tour, clipboard: Page, way: str) -> None:
    tour.give_address("/register")
    clipboard.evaluate("text => navigator.clipboard.writeText(text)", WAYS[way](tour.code()))
    tour.page.get_by_label("6-digit code").focus()
    tour.page.keyboard.press("Control+V")
    if not tour.has_script:
        tour.page.get_by_role("button", name="Continue").click()
    expect(tour.page).to_have_url(f"{tour.issuer}/account")


def test_a_code_is_sent_once_however_hasty_the_person(page: Page, demo: RunningDemo) -> None:
    tour = Tour(page, demo)
    tour.give_address("/register")
    sent: list[str] = []
    page.on("request", lambda request: sent.extend([request.url] * (request.method == "POST")))
    page.get_by_label("6-digit code").press_sequentially(tour.code())
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{tour.issuer}/account")
    assert len(sent) == 1


def test_who_types_before_the_script_has_arrived_goes_on_as_well(
    page: Page, demo: RunningDemo
) -> None:
    held: list[Route] = []
    page.route("**/static/code.js", lambda route: held.append(route))
    tour = Tour(page, demo)
    tour.go("/register")
    page.get_by_label("Email address").fill(tour.email)
    page.get_by_role("button", name="Continue").click(no_wait_after=True)
    code = verification_code_in(demo.wait_for_mail(tour.email, 1))
    page.get_by_label("6-digit code").fill(code)
    assert len(held) == 1
    held[0].continue_()
    expect(page).to_have_url(f"{tour.issuer}/account")


def test_the_page_counts_down_to_the_next_code(page: Page, demo: RunningDemo) -> None:
    page.clock.install()
    tour = Tour(page, demo)
    tour.give_address("/sign-in")
    expect(page.get_by_role("button", name="Send again in")).to_be_disabled()
    page.clock.fast_forward(31_000)
    expect(page.get_by_role("button", name="Send another code")).to_be_enabled()
    expect(page.locator("#resend-status")).to_have_text("You can send another code now.")


def test_without_a_script_the_server_says_how_long_to_wait(
    browser: Browser, demo: RunningDemo
) -> None:
    context = browser.new_context(locale="en-US", java_script_enabled=False)
    tour = Tour(context.new_page(), demo)
    tour.give_address("/sign-in")
    tour.page.get_by_role("button", name="Send another code").click()
    expect(tour.page.get_by_role("alert")).to_contain_text("Please wait")
    expect(tour.page.get_by_label("6-digit code")).to_be_visible()
    context.close()


def test_the_way_back_keeps_the_flow_and_a_reload_too(page: Page, demo: RunningDemo) -> None:
    tour = Tour(page, demo)
    tour.give_address("/register")
    page.reload()
    expect(page.get_by_label("6-digit code")).to_be_visible()
    page.get_by_role("link", name="Use another address").click()
    page.go_back()
    tour.type_code()
    expect(page).to_have_url(f"{tour.issuer}/account")


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/oidc/logout"])
def test_no_other_site_shows_a_page_in_a_frame(
    browser: Browser, demo: RunningDemo, path: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    with page.expect_console_message(lambda said: "frame-ancestors 'none'" in said.text):
        page.set_content(f'<iframe src="{demo.ready["issuer"]}{path}"></iframe>')
    assert page.frames[1].url.startswith("chrome-error:")
    context.close()
