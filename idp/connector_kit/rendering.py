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
_PLACEHOLDER = re.compile(r"\{\{" + _SPACE + r"([\w.]+)" + _SPACE + r"\}\}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
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
    is_html = template.content_type == "text/html"
    content = substitute(template.content, payload, escape=html.escape if is_html else str)
    if not is_html:
        text = content
    elif template.text is not None:
        text = substitute(template.text, payload)
    else:
        text = substitute(_derived_text(template.content), payload, escape=_on_one_line)
    return RenderedEmail(
        subject=substitute(template.subject, payload),
        text=text,
        html=content if is_html else None,
        send_from=template.send_from and substitute(template.send_from, payload),
        reply_to=template.reply_to and substitute(template.reply_to, payload),
    )


def substitute(
    text: str, payload: Mapping[str, object], *, escape: Callable[[str], str] = str
) -> str:
    """Replace each `{{ a.b.0 }}` by its value, once, as Logto does.

    A root that `payload` does not have stays as it is; a known root whose leaf is missing or null
    becomes empty. A value that holds placeholders is not expanded again.
    """
    opening, placeholders = _compiled(text)
    pieces = [opening]
    for written, root, path, following in placeholders:
        is_known = root in payload
        pieces += (escape(_as_text(_leaf(payload[root], path))) if is_known else written, following)
    return "".join(pieces)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> tuple[str, tuple[tuple[str, str, list[str], str], ...]]:
    """Split a template once: what stands before the placeholders, and each with what follows."""
    matches = [match for match in _PLACEHOLDER.finditer(text) if not match[1].startswith(".")]
    starts = [match.start() for match in matches] + [len(text)]
    placeholders = []
    for match, next_start in zip(matches, starts[1:], strict=True):
        root, *path = match[1].split(".")
        placeholders.append((match[0], root, path, text[match.end() : next_start]))
    return text[: starts[0]], tuple(placeholders)


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
    match value:
        case str():
            return value
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
