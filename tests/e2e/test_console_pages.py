"""Every page of the console is for everybody, and loads and runs nothing it did not bring."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from running_demo import RunningDemo
from tour import OVERFLOWS

from idp.demo.seed import PASSWORD

pytestmark = pytest.mark.browser

# In the dark, colours are all that differs.
RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast"],
}
WIDTHS = (320, 1280)
SMTP_FORM = "/console/connectors/new/simple-mail-transfer-protocol"
PAGES = (
    "/console",
    "/console/connectors",
    SMTP_FORM,
    f"{SMTP_FORM}?as=json",
    "/console/templates",
    "/console/templates/de/Register",
    "/console/deliveries",
    "/console/sign-in-experience",
    "/console/security",
    "/console/applications",
    "/console/applications/new",
    "/console/applications/sample-app",
    "/console/users",
    "/console/users/new",
    "/console/sessions",
    "/console/keys",
    "/console/plugins",
    "/console/audit",
    "/api/docs",
)
# In the frame of the preview nothing runs, so nothing answers there either.
RUN_AXE = "rules => axe.run({runOnly: rules, iframes: false})"
LISTEN = """() => document.addEventListener("securitypolicyviolation",
  event => console.error("policy", event.violatedDirective, event.blockedURI))"""


class Visit:
    """An administrator who opens every page, and notes what the browser complains of."""

    def __init__(self, page: Page, demo: RunningDemo) -> None:
        self.page = page
        self.issuer = demo.ready["issuer"]
        self.complaints: list[str] = []
        page.add_init_script(f"({LISTEN})()")
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.link = demo.ready["admin_link"]

    def _note(self, message: Any) -> None:
        # The browser mentions the status of a page that says what is wrong.
        is_expected = any(status in message.text for status in ("400", "403", "410", "422"))
        if message.type in {"error", "warning"} and not is_expected:
            self.complaints.append(message.text)

    def stops(self) -> Iterator[str]:
        self.page.goto(self.link)
        yield "first-administrator"
        self.page.get_by_role("button", name="Open the console").click()
        expect(self.page.get_by_role("heading", name="Overview")).to_be_visible()
        yield from self._pages()
        yield from self._applications_and_people()
        yield from self._closed_doors()

    def _pages(self) -> Iterator[str]:
        for path in PAGES:
            self.page.goto(self.issuer + path)
            yield path
        self.page.goto(self.issuer + SMTP_FORM)
        self.page.get_by_role("button", name="Save and done").click()
        yield "problems"
        self.page.goto(self.issuer + "/console/templates/de/Register")
        self.page.get_by_label("Content", exact=True).fill("no code")
        self.page.get_by_role("button", name="Save and done").click()
        yield "template problems"
        self.page.goto(self.issuer + "/console/connectors")
        self.page.locator(".cards a").first.click()
        self.page.get_by_role("button", name="Send").click()
        expect(self.page.get_by_text("The mail was accepted.")).to_be_visible()
        yield "steps"
        self._have_a_mail_sent()
        yield "delivery"

    def _applications_and_people(self) -> Iterator[str]:
        self.page.goto(f"{self.issuer}/console/applications/new")
        self.page.get_by_label("Redirect URIs", exact=True).fill("wiki")
        self.page.get_by_role("button", name="Add").click()
        yield "application-problems"
        self.page.get_by_label("Name").fill("Wiki")
        self.page.get_by_label("Redirect URIs", exact=True).fill("https://wiki.example.com/in")
        self.page.get_by_role("button", name="Add").click()
        expect(self.page.get_by_label("Client secret")).to_be_visible()
        yield "application-secret"
        self.page.goto(f"{self.issuer}/console/keys")
        self.page.get_by_role("button", name="Rotate").click()
        expect(self.page.get_by_label("Rotate all the same")).to_be_visible()
        yield "keys-rotated"
        for beginning in ("alice", "admin"):
            self.page.goto(f"{self.issuer}/console/users?search={beginning}")
            self.page.locator("tbody a").first.click()
            yield f"user-{beginning}"

    def _closed_doors(self) -> Iterator[str]:
        self.page.goto(self.link)
        yield "link-gone"
        self.page.goto(f"{self.issuer}/console/callback")
        yield "sign-in-failed"
        self.page.context.clear_cookies()
        self.page.goto(f"{self.issuer}/sign-in/password")
        self.page.get_by_label("Email address").fill("alice@example.com")
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()
        self.page.goto(f"{self.issuer}/console")
        yield "refused"

    def _have_a_mail_sent(self) -> None:
        self.page.goto(f"{self.issuer}/forgot-password")
        self.page.get_by_label("Email address").fill("alice@example.com")
        self.page.get_by_role("button", name="Continue").click()
        expect(self.page.get_by_label("6-digit code")).to_be_visible()
        self.page.goto(f"{self.issuer}/console/deliveries")
        self.page.locator("tbody a").first.click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()


@pytest.fixture
def demo() -> Iterator[RunningDemo]:
    """Return a demo of its own: its link works once."""
    running = RunningDemo.start()
    yield running
    assert running.stop() == 0


@pytest.mark.node
def test_axe_finds_nothing_and_the_browser_has_no_complaint(
    page: Page, demo: RunningDemo, axe: str, screenshots: Path | None
) -> None:
    visit, found = Visit(page, demo), list[Any]()
    for stop in visit.stops():
        page.evaluate(axe)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate(OVERFLOWS):
                found.append((stop, width, "overflows"))
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                result = page.evaluate(RUN_AXE, RULES[scheme])
                assert result["passes"]
                for each in result["violations"]:
                    where = [node["html"] for node in each["nodes"]]
                    found.append((stop, width, scheme, each["id"], where))
                if screenshots:
                    name = stop.strip("/").replace("/", "-").replace("?", "-")
                    page.screenshot(
                        path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True
                    )
    assert found == []
    assert visit.complaints == []
