"""What is wrong, or doubtful, with a template before any mail is sent with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from idp.administration.template_variables import VARIABLES
from idp.connector_kit import EmailTemplate, parse_mailbox
from idp.outbox.notices import Notice

_LARGEST = 80 * 1024  # bytes; Gmail cuts a mail at 102 KB
_LONGEST_SUBJECT = 500
_ROOT = re.compile(r"\{\{\s*(\w+)(?:\.[\w.]*)?\s*\}\}", re.ASCII)
_SIX_DIGITS = re.compile(r"(?<![\w#])\d{6}(?!\w)")
_RUNS = re.compile(r"<\s*(script|iframe|object|embed)\b|\son\w+\s*=|javascript:", re.IGNORECASE)
_INSECURE_IMAGE = re.compile(r"<img[^<>]+src\s*=\s*[\"']?http:", re.IGNORECASE)
_BEGINS = re.compile(r"<[A-Za-z/!?]")
_ADDRESSES = ("send_from", "reply_to")


@dataclass(frozen=True)
class Finding:
    """Something about one field; a template with a `fatal` one cannot be saved."""

    field: str
    problem: str
    fatal: bool = False


def lint(template: EmailTemplate) -> list[Finding]:
    """Return what is wrong with a template, the fields by the names of the wire."""
    return costly(template) or [*_wrong(template), *_doubtful(template)]


def costly(template: EmailTemplate) -> list[Finding]:
    """Return why a template must not even be filled in: that might take minutes."""
    found = [
        Finding(field, f"is larger than {_LARGEST // 1024} KB, and would be cut short", fatal=True)
        for field in ("content", "text")
        if len((getattr(template, field) or "").encode()) > _LARGEST
    ]
    if len(template.subject) > _LONGEST_SUBJECT:
        found.append(Finding("subject", f"is longer than {_LONGEST_SUBJECT} characters", True))
    # The parser of the standard library goes over the rest again for each tag it holds.
    if template.content_type == "text/html" and _is_left_open(template.content):
        found.append(Finding("content", "ends within a tag or a comment", fatal=True))
    return found


def _is_left_open(markup: str) -> bool:
    rest = markup[markup.rfind(">") + 1 :]
    return bool(_BEGINS.search(rest)) or markup.rfind("<!--") > markup.rfind("-->")


def _wrong(template: EmailTemplate) -> Iterator[Finding]:
    for field in ("subject", "content"):
        if not getattr(template, field).strip():
            yield Finding(field, "is required", fatal=True)
    if "\n" in template.subject or "\r" in template.subject:
        yield Finding("subject", "must be on one line", fatal=True)
    is_notice = template.usage_type in {*Notice}
    if not is_notice and not {"code", "link"} & _roots(template.content):
        yield Finding("content", "holds neither {{code}} nor {{link}}", fatal=True)
    if _RUNS.search(template.content):
        yield Finding("content", "holds a script, which mail programs take for an attack", True)
    for field in _ADDRESSES:
        yield from _wrong_address(field, getattr(template, field))


def _wrong_address(field: str, address: str | None) -> Iterator[Finding]:
    if not address or "{{" in address:
        return
    try:
        parse_mailbox(address)
    except ValueError as error:
        wire = "sendFrom" if field == "send_from" else "replyTo"
        yield Finding(wire, f"is not one address: {error}", fatal=True)


def _doubtful(template: EmailTemplate) -> Iterator[Finding]:
    known = {each.root for each in VARIABLES if template.usage_type in each.usage_types}
    for field in ("subject", "content", "text"):
        text = getattr(template, field) or ""
        for root in sorted(_roots(text) - known):
            yield Finding(field, f"{{{{{root}}}}} is filled by a plugin or by nobody")
        if _SIX_DIGITS.search(text):
            yield Finding(field, "holds a number of six digits that may be taken for the code")
    if _INSECURE_IMAGE.search(template.content):
        yield Finding("content", "loads an image over http, which many mail programs refuse")
    if template.content_type == "text/html" and not template.text:
        yield Finding("text", "is derived from the content; write it for who reads plain text")


def _roots(text: str) -> set[str]:
    return {match.group(1) for match in _ROOT.finditer(text)}
