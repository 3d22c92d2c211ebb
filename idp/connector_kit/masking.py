"""What a provider says may repeat secrets, codes and addresses; here they are taken out."""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:=@]+@[\w.-]+")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]{2,}|[^\S ]|[\x00-\x1f\x7f]")
_LONGEST = 500
_MOST_READ = 4_000  # characters: the time to find addresses grows with the square
_SHORT = 6
_MASK = "***"


class Mask:
    """Hides the given texts, every mail address, and what is too long to be an answer."""

    def __init__(self, private: Iterable[str]) -> None:
        self._texts = [text for text in private if text]

    def __call__(self, text: str) -> str:
        """Return a provider's words as one line of at most 500 characters."""
        text = text[:_MOST_READ]
        if not (text.isascii() and text.isprintable()):
            text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if "  " in text or not text.isprintable():
            text = _BLANKS.sub(" ", text)
        text = text.strip()
        if self._may_show_in(text):
            text = self._private.sub(_MASK, text)
        return _ADDRESS.sub(_MASK, text)[:_LONGEST] if "@" in text else text[:_LONGEST]

    def _may_show_in(self, text: str) -> bool:
        """Rule most answers out at once: the expression below costs more than sending a mail."""
        if not text.isascii():
            return bool(self._texts)
        lowered = text.lower()
        for each in self._texts:  # noqa: SIM110 - a generator would take as long again
            if each.lower() in lowered or not each.isascii():
                return True
        return False

    @cached_property
    def _private(self) -> re.Pattern[str]:
        longest_first = sorted(self._texts, key=len, reverse=True)
        return re.compile("|".join(map(_pattern, longest_first)), re.IGNORECASE)


def _pattern(text: str) -> str:
    # A short text such as the local part `a` must not be taken out of every word.
    return rf"(?<!\w){re.escape(text)}(?!\w)" if len(text) < _SHORT else re.escape(text)


def private_texts(recipient: str, payload: Mapping[str, object]) -> list[str]:
    """List what identifies a person or lets somebody act as them."""
    values = [payload.get(name) for name in ("code", "link")]
    return [recipient, recipient.partition("@")[0], *[str(value) for value in values if value]]
