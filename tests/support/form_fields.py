"""What a browser would send of a form that nobody has touched."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "input" and (values.get("type") != "checkbox" or "checked" in values):
            self.sent[name] = values.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in values or self._select not in self.sent):
            self.sent[self._select] = values["value"]
        elif tag == "textarea":
            self._textarea = name
            self.sent[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.sent[self._textarea] = self.sent[self._textarea].removeprefix("\n")
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.sent[self._textarea] += data


def fields_of(page: str) -> dict[str, str]:
    """Return the fields on a page with one form of consequence."""
    reader = _Fields()
    reader.feed(page)
    return reader.sent
