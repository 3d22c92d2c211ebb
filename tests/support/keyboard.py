"""Somebody in front of a browser who has no mouse."""

from playwright.sync_api import Page

# What a screen reader calls the element that has the focus, near enough to find it.
_FOCUSED = """() => {
  const element = document.activeElement;
  const named = element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent;
  return named.replace(/\\s+/g, " ").trim();
}"""
_MOST_STEPS = 250


class Keyboard:
    """Reaches everything with Tab, and presses nothing but keys."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press = page.keyboard.press

    def reach(self, name: str) -> None:
        """Press Tab until what is called this has the focus."""
        for _ in range(_MOST_STEPS):
            self.press("Tab")
            if self.page.evaluate(_FOCUSED) == name:
                return
        raise AssertionError(f"Tab does not lead to {name!r} at {self.page.url}")

    def follow(self, name: str) -> None:
        """Open a link, or press a button, that leads to another page."""
        self.reach(name)
        with self.page.expect_navigation():
            self.press("Enter")

    def type(self, name: str, text: str) -> None:
        """Write into a field, in place of what is there."""
        self.reach(name)
        self.press("Control+A")
        self.page.keyboard.insert_text(text)
