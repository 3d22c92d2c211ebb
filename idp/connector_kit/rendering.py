"""Template text with `{{ placeholders }}` becomes the subject and body of one mail.

The placeholders are Logto's and nothing more: no conditions, loops or expressions, so nothing an
administrator or a person types can run.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from idp.connector_kit.errors import PermanentFailure
from idp.connector_kit.html_to_text import html_to_text
from idp.connector_kit.templates import EmailTemplate

# JavaScript's \w is ASCII while its \s knows the Unicode spaces.
_SPACE = r"[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_NAME = re.compile(r"[\w.]+", re.ASCII)
_PLACEHOLDER = re.compile(r"\{\{" + _SPACE + r"([\w.]+)" + _SPACE + r"\}\}", re.ASCII)


@dataclass(kw_only=True, slots=True)
class RenderedEmail:
    """What a person will read; `text` is always there, `html` only if the template has it."""

    subject: str
    text: str
    html: str | None = None
    send_from: str | None = None
    reply_to: str | None = None


def render(template: EmailTemplate, payload: Mapping[str, object]) -> RenderedEmail:
    """Fill a template; values are HTML-escaped in `text/html` content (Logto inserts them raw).

    Raises PermanentFailure when `payload["link"]` is neither https nor a loopback address.
    """
    _check_link(payload)
    values = Values(payload)
    if template.content_type == "text/html":
        markup: str | None = _filled(template.content, Values(payload, html.escape))
        text = _text_part(template, payload, values)
    else:
        markup, text = None, _filled(template.content, values)
    return RenderedEmail(
        subject=_filled(template.subject, values),
        text=text,
        html=markup,
        send_from=template.send_from and _filled(template.send_from, values),
        reply_to=template.reply_to and _filled(template.reply_to, values),
    )


def substitute(
    text: str, payload: Mapping[str, object], *, escape: Callable[[str], str] = str
) -> str:
    """Replace each `{{ a.b.0 }}` by its value, once, as Logto does.

    A root that `payload` does not have stays as it is; a known root whose leaf is missing or null
    becomes empty. A value that holds placeholders is not expanded again.
    """
    return _filled(text, Values(payload, escape))


def placeholders(text: str) -> list[str]:
    """List the placeholders in a template text, as they are written."""
    return _compiled(text)[1]


class Values(dict[str, str]):
    """What each placeholder becomes in one mail, worked out when it is first met."""

    def __init__(
        self, payload: Mapping[str, object], escape: Callable[[str], str] | None = None
    ) -> None:
        self._payload = payload
        self._escape = escape

    def __missing__(self, placeholder: str) -> str:
        root, path = _named(placeholder)
        if root not in self._payload:
            text = placeholder
        else:
            value = self._payload[root]
            text = _as_text(_leaf(value, path) if path else value)
            if self._escape is not None and not text.isalnum():
                text = self._escape(text)
        self[placeholder] = text
        return text


def _filled(text: str, values: Values) -> str:
    pieces, written = _compiled(text)
    if not written:
        return text
    pieces = pieces.copy()
    pieces[1::2] = [values[placeholder] for placeholder in written]
    return "".join(pieces)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> tuple[list[str], list[str]]:
    """Split a template once: into its pieces, every second of them a placeholder, and those."""
    pieces = [""]
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if not match[1].startswith("."):
            pieces[-1] = text[end : match.start()]
            pieces += (match[0], "")
            end = match.end()
    pieces[-1] = text[end:]
    return pieces, pieces[1::2]


@lru_cache(maxsize=1024)
def _named(placeholder: str) -> tuple[str, list[str]]:
    root, *path = _NAME.findall(placeholder)[0].split(".")
    return root, path


def _text_part(template: EmailTemplate, payload: Mapping[str, object], values: Values) -> str:
    if template.text is not None:
        return _filled(template.text, values)
    return substitute(_derived_text(template.content), payload, escape=_on_one_line)


@lru_cache(maxsize=256)
def _derived_text(content: str) -> str:
    """Read the markup of a template once; no value, so no markup in a value, is in it yet."""
    return html_to_text(content)


def _on_one_line(value: str) -> str:
    return " ".join(value.split())


def _leaf(value: object, path: Sequence[str]) -> object:
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list | tuple) and _INDEX.fullmatch(key):
            value = value[int(key)] if int(key) < len(value) else None
        else:
            return None
    return value


def _as_text(value: object) -> str:
    """Spell a JSON value as JavaScript's `String()` does."""
    if isinstance(value, str):
        return value
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case Mapping():
            return "[object Object]"
        case list() | tuple():
            return ",".join(_as_text(item) for item in value)
    return str(value)


def _check_link(payload: Mapping[str, object]) -> None:
    link = payload.get("link")
    if link is not None and not _is_safe(str(link)):
        message = "The link in this mail is not an https address."
        raise PermanentFailure(message, reason="unsafe_link")


def _is_safe(link: str) -> bool:
    try:
        url = urlsplit(link)
    except ValueError:
        return False
    if not url.hostname or _SPACE_OR_CONTROL.search(link):
        return False
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
