"""A rendered mail becomes the bytes of an internet message (RFC 5322, RFC 2045).

Headers are written here and not by the stdlib's `email`: some of its versions decode an encoded
word in a value and let the line break inside it start a header; it also takes ten times as long.
"""

import re
import time
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from secrets import token_hex
from string import ascii_letters, digits
from typing import NamedTuple

from idp.connector_kit.addresses import Mailbox, parse_mailbox
from idp.connector_kit.contract import EmailRequest
from idp.connector_kit.errors import PermanentFailure
from idp.connector_kit.rendering import RenderedEmail

Headers = Mapping[str, str | Sequence[str]]

RESERVED_HEADERS = ("from", "to", "cc", "bcc", "subject", "date", "message-id", "dkim-signature")
RESERVED_HEADER_PREFIXES = ("mime-", "content-")

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 §3.6.8
_ID_LEFT = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+", re.ASCII)
_ATOMS = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*", re.ASCII)
_NEEDS_ENCODED_WORD = re.compile(r"[^ -~]|=\?|[!-~]{800}")
_BEFORE_BLANKS = re.compile(r"(?<=\S)(?= )")
_DIGITS = re.compile(r"[0-9]+")
_LONGEST_LINE = 998  # RFC 2045 §2.7
# Only digits for a site with a protected origin (draft-goto-otp-token-01).
_ORIGIN = re.compile(
    r"(https://|http://(?=(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:/|$)))"
    r"([\w.:\[\]-]+)(?=/|$)",
    re.ASCII,
)
# What an encoded word may hold as it is, even in a display name (RFC 2047 §5), and the space.
_LITERAL_IN_WORD = b" !*+-/" + (digits + ascii_letters).encode()
# What a part may hold as it is in quoted-printable (RFC 2045 §6.7).
_LITERAL = bytes({*range(32, 127), *b"\t\r\n"} - {*b"="})


_ALTERNATIVES = (
    b'Content-Type: multipart/alternative; boundary="%b"\r\n\r\n'
    b"--%b\r\n%b\r\n--%b\r\n%b\r\n--%b--\r\n"
)
_PART_HEAD = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n"


class _OneTimePassword(NamedTuple):
    verification_code: str
    origin: str
    host: str


class Stamp(NamedTuple):
    """When a message was composed, and what keeps its parts apart."""

    date: str
    boundary: str

    @classmethod
    def now(cls) -> "Stamp":
        """Return this second's date and a boundary that nobody can foresee and write into a mail.

        Its "=_" can stand in no encoded part (RFC 2045 §6.7).
        """
        return cls(date_now(), f"=_{token_hex(12)}")


def is_reserved_header(name: str) -> bool:
    """Tell whether `build_mime` owns this header, so that settings may not set it."""
    lowered = name.lower()
    return lowered in RESERVED_HEADERS or lowered.startswith(RESERVED_HEADER_PREFIXES)


def build_mime(
    rendered: RenderedEmail,
    request: EmailRequest,
    *,
    sender: Mailbox,
    reply_to: Mailbox | None = None,
    headers: Headers | None = None,
) -> bytes:
    """Compose the message for `request.to`, with CRLF line ends.

    Text comes first, HTML second. `headers` replace generated ones of the same name. Raises
    PermanentFailure when a value would break out of its header, a header is reserved or an address
    is not exactly one mailbox.
    """
    recipient = recipient_of(request)
    return compose(rendered, request, recipient, sender, reply_to, headers, Stamp.now())


def compose(  # noqa: PLR0913 - `build_mime` and the composer share it
    rendered: RenderedEmail,
    request: EmailRequest,
    recipient: Mailbox,
    sender: Mailbox,
    reply_to: Mailbox | None,
    headers: Headers | None,
    stamp: Stamp,
) -> bytes:
    """Compose a message whose recipient, date and boundary are settled."""
    otp = _one_time_password(request.payload)
    fields = [("From", _mailbox(sender)), ("To", _safe(recipient.address))]
    if reply_to is not None:
        fields.append(("Reply-To", _mailbox(reply_to)))
    fields += _generated_fields(rendered.subject, request, sender, otp, stamp)
    if headers:
        custom = list(_custom_fields(headers))
        replaced = {name.lower() for name, _ in custom}
        fields = [field for field in fields if field[0].lower() not in replaced] + custom
    head = "".join([_field(name, value) for name, value in fields])
    text = _bound_to_host(rendered.text, otp)
    return head.encode() + _body(text, rendered.html, stamp.boundary)


def _generated_fields(
    subject: str,
    request: EmailRequest,
    sender: Mailbox,
    otp: _OneTimePassword | None,
    stamp: Stamp,
) -> Iterator[tuple[str, str]]:
    yield "Subject", _unstructured(subject)
    yield "Date", stamp.date
    yield "Message-ID", _message_id(request, sender)
    # RFC 3834 §5: keeps vacation responders quiet; Exchange wants its own word for it.
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    if otp is not None:
        yield "OTP-Token", f'"{otp.verification_code}"; origin="{otp.origin}"'
    yield "Content-Language", _unstructured(request.locale)
    yield "MIME-Version", "1.0"


def _custom_fields(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, values in headers.items():
        if is_reserved_header(name) or not _HEADER_NAME.fullmatch(name):
            raise _invalid_header("A custom header of this mail is reserved or has no valid name.")
        for value in [values] if isinstance(values, str) else values:
            yield name, _unstructured(value)


def recipient_of(request: EmailRequest) -> Mailbox:
    """Return the one mailbox a mail goes to, or raise PermanentFailure."""
    try:
        return parse_mailbox(request.to, display_name=False)
    except ValueError as error:
        raise PermanentFailure(
            "The recipient is not exactly one mail address.", reason="invalid_recipient"
        ) from error


def _message_id(request: EmailRequest, sender: Mailbox) -> str:
    id_left = request.message_id or token_hex(16)
    if not _ID_LEFT.fullmatch(id_left):
        raise _invalid_header("The message id of this mail has no valid form.")
    return f"<{id_left}@{sender.domain}>"


def date_now() -> str:
    """Return this second as the Date header writes it (RFC 5322 §3.3)."""
    return _date(int(time.time()))


@lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def _one_time_password(payload: Mapping[str, object]) -> _OneTimePassword | None:
    """Find the code and the only site it belongs to (draft-goto-otp-token-01)."""
    verification_code = str(payload.get("code", ""))
    if not _DIGITS.fullmatch(verification_code):
        return None
    site = _site(str(payload.get("issuer", "")))
    return _OneTimePassword(verification_code, *site) if site else None


@lru_cache(maxsize=16)
def _site(issuer: str) -> tuple[str, str] | None:
    """Return the origin and the host of an address, unless it is unprotected."""
    origin = _ORIGIN.match(issuer)
    return (origin[0], origin[2]) if origin else None


def _bound_to_host(text: str, otp: _OneTimePassword | None) -> str:
    """End with the line by which a mail program fills in a code on its own site only."""
    if otp is None:
        return text
    text, line = text.rstrip(), f"@{otp.host} #{otp.verification_code}"
    return text if text.endswith(line) else f"{text}\n\n{line}"


@lru_cache(maxsize=1024)
def _mailbox(mailbox: Mailbox) -> str:
    address = _safe(mailbox.address)
    if not mailbox.display_name:
        return address
    name = _unstructured(mailbox.display_name)
    if name == mailbox.display_name and not _ATOMS.fullmatch(name):
        name = '"' + re.sub(r'([\\"])', r"\\\1", name) + '"'
    return f"{name} <{address}>"


def _unstructured(text: str) -> str:
    return " ".join(_encoded_words(text)) if _NEEDS_ENCODED_WORD.search(_safe(text)) else text


def _safe(text: str) -> str:
    if _UNSAFE.search(text):
        raise _invalid_header("A header of this mail would hold a line break or control character.")
    return text


def _invalid_header(message: str) -> PermanentFailure:
    return PermanentFailure(message, reason="invalid_header")


def _encoded_words(text: str) -> Iterator[str]:
    """Write RFC 2047 words that split no character and leave room for a header name before them."""
    octets = text.encode()
    if len(octets.translate(None, _LITERAL_IN_WORD)) * 6 < len(octets):
        yield from _readable_words(text)
        return
    while octets:
        end = 39
        while octets[end : end + 1] and octets[end] & 0b1100_0000 == 0b1000_0000:
            end -= 1
        yield f"=?utf-8?b?{b64encode(octets[:end]).decode()}?="
        octets = octets[end:]


def _readable_words(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        octets = character.encode()
        if octets == b" ":
            piece = "_"
        elif octets in _LITERAL_IN_WORD:
            piece = character
        else:
            piece = "".join([f"={octet:02X}" for octet in octets])
        if len(word) + len(piece) > 52:
            yield f"=?utf-8?q?{word}?="
            word = ""
        word += piece
    yield f"=?utf-8?q?{word}?="


def _field(name: str, value: str) -> str:
    """Write a header, broken before a space if it is long (RFC 5322 §2.2.3)."""
    line = f"{name}: {value}".rstrip()
    if len(line) <= 78:
        return line + "\r\n"
    lines = [""]
    for piece in _BEFORE_BLANKS.split(line):
        if len(lines[-1]) + len(piece) > 78 and lines[-1]:
            lines.append(piece)
        else:
            lines[-1] += piece
    return "\r\n".join([*lines, ""])


def _body(text: str, markup: str | None, boundary: str) -> bytes:
    if markup is None:
        return _part("plain", text)
    mark = boundary.encode()
    parts = _part("plain", text), _part("html", markup)
    return _ALTERNATIVES % (mark, mark, parts[0], mark, parts[1], mark)


def _part(subtype: str, content: str) -> bytes:
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    content = content.rstrip("\n").replace("\n", "\r\n") + "\r\n"
    octets = content.encode(errors="replace")
    encoding = "7bit"
    if not octets.isascii() or b"\0" in octets or _has_long_line(octets):
        encoding, octets = _encoded(octets)
    return _PART_HEAD % (subtype.encode(), encoding.encode()) + octets


def _has_long_line(octets: bytes) -> bool:
    start = 0
    while len(octets) - start > _LONGEST_LINE:
        start = octets.rfind(b"\r\n", start, start + _LONGEST_LINE + 2) + 2
        if start == 1:
            return True
    return False


def _encoded(octets: bytes) -> tuple[str, bytes]:
    """Choose the shorter: three bytes for each that needs it, or four for any three."""
    if len(octets.translate(None, _LITERAL)) * 6 < len(octets):
        return "quoted-printable", b2a_qp(octets)
    encoded = b64encode(octets)
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return "base64", b"\r\n".join([*lines, b""])
