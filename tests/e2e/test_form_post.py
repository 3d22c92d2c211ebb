"""The form response mode in a real browser, under the policy its page carries."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect
from running_demo import RunningDemo

pytestmark = pytest.mark.browser


@pytest.fixture
def page_without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def _address(demo: RunningDemo) -> str:
    """Return a request whose answer is an error at once, for nobody is signed in."""
    asked = {
        "client_id": demo.ready["client_id"],
        "redirect_uri": demo.ready["redirect_uri"],
        "response_type": "code",
        "response_mode": "form_post",
        "scope": "openid",
        "prompt": "none",
        "state": 'it\'s "quoted" & <odd>',
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    return f"{demo.ready['issuer']}/oidc/authorize?{urlencode(asked)}"


def _posted(page: Page, demo: RunningDemo) -> list[Request]:
    """Answer in place of the application, and keep what it is sent."""
    posted: list[Request] = []

    def answer(route: Route) -> None:
        posted.append(route.request)
        route.fulfill(body="<title>Back</title>", content_type="text/html")

    page.route(f"{demo.ready['redirect_uri']}*", answer)
    return posted


def _check(posted: list[Request]) -> None:
    [request] = posted
    assert request.method == "POST"
    fields = parse_qs(request.post_data or "")
    assert fields["state"] == ['it\'s "quoted" & <odd>']
    assert fields["error"] == ["login_required"]


def test_a_script_of_ours_posts_the_answer(page: Page, demo: RunningDemo) -> None:
    posted = _posted(page, demo)
    page.goto(_address(demo))
    expect(page).to_have_title("Back")
    _check(posted)


def test_without_scripts_a_button_does(page_without_scripts: Page, demo: RunningDemo) -> None:
    posted = _posted(page_without_scripts, demo)
    page_without_scripts.goto(_address(demo))
    page_without_scripts.get_by_role("button", name="Continue").click()
    expect(page_without_scripts).to_have_title("Back")
    _check(posted)
