"""Template text with `{{ placeholders }}` becomes the subject and body of one mail.

The placeholders are Logto's and nothing more: no conditions, loops or expressions, so nothing an
administrator or a person types can run.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
        text = html_to_text(content)
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

    def value_of(match: re.Match[str]) -> str:
        root, *path = match[1].split(".")
        if not root or root not in payload:
            return match[0]
        return escape(_as_text(_leaf(payload[root], path)))

    return _PLACEHOLDER.sub(value_of, text)


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
