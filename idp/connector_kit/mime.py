"""A rendered mail becomes the bytes of an internet message (RFC 5322, RFC 2045).

Headers are written here and not by the stdlib's `email`: some of its versions decode an encoded
word in a value and let the line break inside it start a header; it also takes ten times as long.
"""

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from secrets import token_hex
from uuid import uuid4

from idp.connector_kit.addresses import Mailbox, parse_mailbox
from idp.connector_kit.contract import EmailRequest
from idp.connector_kit.errors import PermanentFailure
from idp.connector_kit.rendering import RenderedEmail

Headers = Mapping[str, str | Sequence[str]]

RESERVED_HEADERS = ("from", "to", "cc", "bcc", "subject", "date", "message-id", "dkim-signature")
RESERVED_HEADER_PREFIXES = ("mime-", "content-")

_LINE_BREAKS = re.compile(r"\r\n|\r|\n")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_ID_LEFT = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+", re.ASCII)
_ATOMS = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*", re.ASCII)
_NEEDS_ENCODED_WORD = re.compile(r"[^ -~]|=\?|[!-~]{800}")
# Only digits for a site with a protected origin (draft-goto-otp-token-01).
_ORIGIN = re.compile(
    r"(https://[\w.:\[\]-]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(?=/|$)"
)


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
    custom = list(_custom_fields(headers or {}))
    replaced = {name.lower() for name, _ in custom}
    generated = _generated_fields(rendered, request, sender, reply_to)
    fields = [field for field in generated if field[0].lower() not in replaced]
    head = "".join(_fold(f"{name}: {value}") + "\r\n" for name, value in [*fields, *custom])
    return head.encode() + _body(rendered)


def _generated_fields(
    rendered: RenderedEmail, request: EmailRequest, sender: Mailbox, reply_to: Mailbox | None
) -> Iterator[tuple[str, str]]:
    yield "From", _mailbox(sender)
    yield "To", _mailbox(_recipient(request))
    if reply_to is not None:
        yield "Reply-To", _mailbox(reply_to)
    yield "Subject", _unstructured(rendered.subject)
    yield "Date", format_datetime(datetime.now(UTC))
    yield "Message-ID", _message_id(request, sender)
    # RFC 3834 §5: keeps vacation responders quiet; Exchange wants its own word for it.
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    if otp := _otp_token(request.payload):
        yield "OTP-Token", otp
    yield "Content-Language", _unstructured(request.locale)
    yield "MIME-Version", "1.0"


def _custom_fields(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, values in headers.items():
        if is_reserved_header(name) or not _HEADER_NAME.fullmatch(name):
            raise _invalid_header("A custom header of this mail is reserved or has no valid name.")
        for value in [values] if isinstance(values, str) else values:
            yield name, _unstructured(value)


def _recipient(request: EmailRequest) -> Mailbox:
    try:
        return parse_mailbox(request.to, display_name=False)
    except ValueError as error:
        raise PermanentFailure(
            "The recipient is not exactly one mail address.", reason="invalid_recipient"
        ) from error


def _message_id(request: EmailRequest, sender: Mailbox) -> str:
    id_left = request.message_id or uuid4().hex
    if not _ID_LEFT.fullmatch(id_left):
        raise _invalid_header("The message id of this mail has no valid form.")
    return f"<{id_left}@{sender.domain}>"


def _otp_token(payload: Mapping[str, object]) -> str | None:
    """Name the code and the only site it belongs to (draft-goto-otp-token-01)."""
    verification_code = str(payload.get("code", ""))
    origin = _ORIGIN.match(str(payload.get("issuer", "")))
    if origin is None or not re.fullmatch(r"[0-9]+", verification_code):
        return None
    return f'"{verification_code}"; origin="{origin[1]}"'


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
    octets = b""
    for character in text:
        if len(octets + character.encode()) > 39:
            yield f"=?utf-8?b?{b64encode(octets).decode()}?="
            octets = b""
        octets += character.encode()
    yield f"=?utf-8?b?{b64encode(octets).decode()}?="


def _fold(line: str) -> str:
    """Break a long header before a space (RFC 5322 §2.2.3)."""
    lines = [""]
    for piece in re.split(r"(?<=\S)(?= )", line.rstrip()):
        if len(lines[-1]) + len(piece) > 78 and lines[-1]:
            lines.append(piece)
        else:
            lines[-1] += piece
    return "\r\n".join(lines)


def _body(rendered: RenderedEmail) -> bytes:
    text = _part("plain", rendered.text)
    if rendered.html is None:
        return text
    # "=_" can stand in no encoded part (RFC 2045 §6.7).
    boundary = f"=_{token_hex(12)}"
    opening = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode()
    delimiter = f"\r\n--{boundary}".encode()
    parts = [opening, b"\r\n" + text, b"\r\n" + _part("html", rendered.html), b"--\r\n"]
    return delimiter.join(parts)


def _part(subtype: str, content: str) -> bytes:
    normalized = _LINE_BREAKS.sub("\r\n", content.rstrip("\r\n") + "\n")
    octets = normalized.encode(errors="replace")
    encoding, encoded = "7bit", octets
    if not _is_7bit(normalized):
        encoding, encoded = "quoted-printable", b2a_qp(octets)
        if len(encoded) > 1.4 * len(octets):
            encoding, encoded = "base64", encodebytes(octets).replace(b"\n", b"\r\n")
    head = (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    return head.encode() + b"\r\n" + encoded


def _is_7bit(text: str) -> bool:
    """Check the limits of RFC 2045 §2.7; `text` has CRLF line ends."""
    return text.isascii() and "\0" not in text and max(map(len, text.split("\r\n"))) <= 998
