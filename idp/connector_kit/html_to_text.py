"""Derive the plain-text part of a mail from its HTML."""

import re
from html.parser import HTMLParser

_HIDDEN = frozenset({"head", "script", "style", "title"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "div", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"}
)  # fmt: skip

_WEB = ("http://", "https://", "{{")  # a template's placeholders are filled afterwards


def html_to_text(markup: str) -> str:
    """Return readable text: a line per block, a bullet per list item, addresses behind links."""
    reader = _TextReader()
    reader.feed(markup)
    reader.close()
    lines = (re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in reader.text().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden = 0
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "body":
            self._hidden = 0  # the end of <head> may be left out
        elif tag == "br":
            self._parts.append("\n")
        elif tag in {"td", "th"}:
            self._parts.append(" ")
        elif tag in _BLOCKS:
            self._parts.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self._parts.append("\n")
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            label = "".join(self._parts[start:])
            if address.startswith(_WEB) and address not in label:
                self._parts.append(f" ({address})")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(re.sub(r"\s+", " ", data))
