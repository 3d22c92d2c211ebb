"""The demo in a process of its own, and a real Chromium in front of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from running_demo import RunningDemo, need


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", type=Path, help="directory to write the screenshots of docs to"
    )


LOUD = ("error", "warning")


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path | None:
    directory: Path | None = pytestconfig.getoption("--screenshots")
    return directory


@pytest.fixture(scope="session")
def demo() -> Iterator[RunningDemo]:
    running = RunningDemo.start()
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
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.extend([said.text] * (said.type in LOUD)))
    yield page
    context.close()
    assert complaints == []
