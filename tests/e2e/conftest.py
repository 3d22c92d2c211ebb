"""The demo in a process of its own, and a real Chromium in front of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import npm
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from running_demo import RunningDemo, need


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", type=Path, help="directory to write the screenshots of docs to"
    )


LOUD = ("error", "warning")
REFUSED = "Failed to load resource: the server responded with a status of"
"""What Chromium says of a page, too, that tells a person what is wrong with their request."""


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path | None:
    directory: Path | None = pytestconfig.getoption("--screenshots")
    return directory


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    running = RunningDemo.start_in(tmp_path_factory.mktemp("demo"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")  # its event loop must not outlive the tests that use it
def browser() -> Iterator[Browser]:
    chromium = need(shutil.which("chromium"), "chromium", "tests that drive a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page whose console must hold no error and no warning."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    complaints: list[str] = []
    pages: set[str] = set()

    def keep(said: ConsoleMessage) -> None:
        is_own = said.text.startswith(REFUSED) and said.location["url"] in pages
        if said.type in LOUD and not is_own:
            complaints.append(said.text)

    def visit(request: Request) -> None:
        if request.is_navigation_request():
            pages.add(request.url)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", visit)
    page.on("console", keep)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of axe-core."""
    packages = npm.install(
        Path(__file__).parent / "axe" / "package.json",
        tmp_path_factory.mktemp("axe"),
        "the accessibility checks of axe-core",
    )
    return (packages / "axe-core" / "axe.min.js").read_text("utf-8")
