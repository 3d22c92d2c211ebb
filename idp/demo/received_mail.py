"""A mail as the mailbox received it, decoded without ever refusing to show one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, MIMEPart
from functools import cached_property

from idp.connector_kit.html_to_text import html_to_text

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_OTP_TOKEN = re.compile(r'"([0-9]{6,10})"')  # draft-goto-otp-token-01
_CODE = re.compile(r"(?<!\w)[0-9]{6,10}(?!\w)")


@dataclass(frozen=True)
class ReceivedMail:
    """One mail: its envelope (RFC 5321 §2.3.1) and its source."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    source: bytes

    @cached_property
    def _message(self) -> EmailMessage:
        return message_from_bytes(self.source, policy=policy.default)

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Every header field in order, decoded."""
        return [(name, _header_text(value)) for name, value in self._message.raw_items()]

    def header(self, name: str) -> str:
        """Return the first field of this name, or nothing."""
        found = (value for known, value in self.headers if known.lower() == name.lower())
        return next(found, "")

    @property
    def promise_id(self) -> str:
        """Return the outbox's id for this mail: the left part of its Message-ID."""
        return self.header("Message-ID").strip().removeprefix("<").partition("@")[0]

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def author(self) -> str:
        """Return the From header, or the sender of the envelope if there is none."""
        return self.header("From") or self.sender

    @property
    def raw(self) -> str:
        return _as_text(self.source)

    @cached_property
    def text(self) -> str | None:
        return self._body("plain")

    @cached_property
    def html(self) -> str | None:
        return self._body("html")

    @cached_property
    def verification_code(self) -> str | None:
        """Return the code of the OTP-Token header, else the only number that can be one."""
        if otp_token := _OTP_TOKEN.match(self.header("OTP-Token")):
            return otp_token[1]
        numbers = set(_CODE.findall(self.text or html_to_text(self.html or "")))
        return numbers.pop() if len(numbers) == 1 else None

    def is_for(self, address: str) -> bool:
        return address.casefold() in (recipient.casefold() for recipient in self.recipients)

    def _body(self, subtype: str) -> str | None:
        for part in _inline_texts(self._message):
            if part.get_content_subtype() == subtype:
                return _decoded(part)
        return None


def _inline_texts(message: MIMEPart) -> Iterator[MIMEPart]:
    for part in message.walk():
        if part.get_content_maintype() == "text" and not part.is_attachment():
            yield part


def _decoded(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    octets = payload if isinstance(payload, bytes) else b""
    try:
        return octets.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


def _header_text(value: str) -> str:
    unfolded = _as_text(_FOLD.sub("", value).encode("utf-8", "surrogateescape"))
    try:
        return str(make_header(decode_header(unfolded)))
    except (MessageError, LookupError, ValueError):
        return unfolded


def _as_text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
