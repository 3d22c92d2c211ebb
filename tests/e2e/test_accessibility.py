"""Everybody can use the pages: by keyboard, with large text, in any size, light and dark."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from running_demo import RunningDemo
from tour import OVERFLOWS, Tour

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 390, 1280)

OTHER_WAYS = ("Use a password instead", "Create an account")
LAST_LINE = "element => element.name || element.innerText.trim().split('\\n').pop().trim()"

LARGE_TEXT = "document.documentElement.style.fontSize = '200%'"

# What a translation into a language read from right to left does to a page: longer words, other
# letters, the other direction.
MIRRORED = """() => {
  document.documentElement.dir = "rtl";
  document.documentElement.lang = "ar-XB";
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (node.data.trim() && !node.parentElement.closest("bdi, code, script, .languages form"))
      node.data = "\\u202b" + node.data.replace(/[a-z]/gi, "ـا") + "\\u202c";
  }
}"""
# Where the first line of the heading begins, seen from the right edge of the card.
BEGINS_AT_THE_RIGHT = """() => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector("h1"));
  const card = document.querySelector("main"), inner = getComputedStyle(card).paddingInlineStart;
  const gap = card.getBoundingClientRect().right - range.getBoundingClientRect().right;
  return Math.abs(gap - parseFloat(inner)) < 3;
}"""


@pytest.mark.node
def test_axe_finds_nothing_on_any_page(page: Page, demo: RunningDemo, axe: str) -> None:
    found: list[Any] = []
    for stop in Tour(page, demo).stops():
        page.evaluate(axe)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                result = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
                assert result["passes"]
                for each in result["violations"]:
                    where = [node["html"] for node in each["nodes"]]
                    found.append((stop, width, scheme, each["id"], where))
    assert found == []


def test_nothing_runs_out_of_a_page_in_large_text_or_from_right_to_left(
    page: Page, demo: RunningDemo
) -> None:
    wrong: list[tuple[str, str]] = []
    for stop in Tour(page, demo).stops():
        page.set_viewport_size({"width": 320, "height": 640})
        if page.evaluate(OVERFLOWS):
            wrong.append((stop, "320 px"))
        page.evaluate(MIRRORED)
        if page.evaluate(OVERFLOWS) or not page.evaluate(BEGINS_AT_THE_RIGHT):
            wrong.append((stop, "right to left"))
        page.set_viewport_size({"width": 640, "height": 640})
        page.evaluate(LARGE_TEXT)
        if page.evaluate(OVERFLOWS):
            wrong.append((stop, "200 % text"))
    assert wrong == []


def test_a_mistake_shows_in_the_title_and_the_field_and_takes_the_focus(
    page: Page, demo: RunningDemo
) -> None:
    tour = Tour(page, demo)
    tour.go("/sign-in")
    tour.send(email="no address")
    field = page.get_by_label("Email address")
    expect(page).to_have_title("Error: Sign in · idp")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "We send a code to this address. No password needed. "
        "Please type one email address, such as name@example.com."
    )
    expect(page.get_by_role("alert")).to_be_visible()


def test_a_person_signs_in_with_the_keyboard_alone(page: Page, demo: RunningDemo) -> None:
    tour = Tour(page, demo)
    tour.go("/register")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(tour.email)
    page.keyboard.press("Enter")
    tour.mails += 1
    expect(page.get_by_label("6-digit code")).to_be_focused()
    page.keyboard.type(tour.code())
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, demo: RunningDemo
) -> None:
    tour = Tour(page, demo)
    tour.go("/sign-in")
    seen = []
    for _ in range(5):
        page.keyboard.press("Tab")
        focused = page.locator(":focus-visible")
        outline = focused.evaluate("element => getComputedStyle(element).outline")
        assert "solid 3px" in outline
        seen.append(focused.evaluate(LAST_LINE))
    assert seen == ["remember", "Continue", *OTHER_WAYS, "English"]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
