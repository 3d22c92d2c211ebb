"""From a template and a request to a message ready to be sent, quickly where one is like the last.

Composing a message takes longer than sending it, and most of the work gives the same octets every
time. So each kind of mail is composed once with stand-ins for what differs from one to the next:
address, date, id and code. The mails after it are filled into the gaps. They share a boundary,
which is safe: only the code reaches a part, all else a stranger may choose is part of the kind.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import lru_cache
from secrets import choice, token_hex
from typing import Any, NamedTuple

from idp.connector_kit.addresses import Mailbox, parse_mailbox
from idp.connector_kit.contract import EmailRequest
from idp.connector_kit.errors import PermanentFailure
from idp.connector_kit.mime import Headers, Stamp, compose, date_now, recipient_of
from idp.connector_kit.rendering import Values, placeholders, render
from idp.connector_kit.templates import EmailTemplate

_MOST_FORMS = 256
_CODE = re.compile(r"[0-9]{4,16}|")
# What a header is sure to hold as it is and on one line.
_SHORT = re.compile(r"[!-~]{1,60}")
_Wording = tuple[str | None, ...]


class ComposedMail(NamedTuple):
    """A message with CRLF line ends, and the addresses in its head."""

    message: bytes
    sender: Mailbox
    recipient: Mailbox
    reply_to: Mailbox | None
    has_leading_dots: bool
    """Whether a line begins with a dot, which SMTP wants doubled (RFC 5321 §4.5.2)."""

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether only a server with SMTPUTF8 (RFC 6531) can take this message."""
        others = self.reply_to.address if self.reply_to else ""
        return not (self.sender.address + self.recipient.address + others).isascii()


class Composer:
    """Composes the mails of one connector: its sender, its Reply-To and its headers."""

    def __init__(
        self, sender: Mailbox, *, reply_to: str | None = None, headers: Headers | None = None
    ) -> None:
        self._sender = sender
        self._reply_to = reply_to
        self._headers = headers
        self._seen: dict[Hashable, None] = {}
        self._forms: dict[Hashable, _Form | None] = {}

    def compose(self, template: EmailTemplate, request: EmailRequest) -> ComposedMail:
        """Fill in the template and compose the message; `sendFrom` and `replyTo` of it win.

        Raises PermanentFailure for an address that is none, an unsafe link, or a value that would
        break out of its header.
        """
        kind = _kind(template, request)
        form = None if kind is None else self._form(kind, template, request)
        return form.fill(request) if form else self._compose(template, request, Stamp.now())

    def _compose(
        self, template: EmailTemplate, request: EmailRequest, stamp: Stamp
    ) -> ComposedMail:
        rendered = render(template, request.payload)
        recipient = recipient_of(request)
        sender = template_mailbox(rendered.send_from) or self._sender
        reply_to = template_mailbox(rendered.reply_to or self._reply_to)
        message = compose(rendered, request, recipient, sender, reply_to, self._headers, stamp)
        return ComposedMail(message, sender, recipient, reply_to, b"\r\n." in message)

    def _form(
        self, kind: Hashable, template: EmailTemplate, request: EmailRequest
    ) -> "_Form | None":
        if kind in self._forms:
            return self._forms[kind]
        # The first of its kind may stay the only one, as when the template greets by name.
        _forget_some(self._seen)
        if kind not in self._seen:
            self._seen[kind] = None
            return None
        _forget_some(self._forms)
        self._forms[kind] = form = self._new_form(template, request)
        return form

    def _new_form(self, template: EmailTemplate, request: EmailRequest) -> "_Form | None":
        """Compose with stand-ins and cut them out; None if that does not give the same mail."""
        stamp = Stamp.now()
        request = replace(request, message_id=request.message_id or token_hex(16))
        composed = self._compose(template, request, stamp)
        gaps = _Gaps.standing_in(len(_code(request)))
        payload = {**request.payload, "code": gaps.code} if gaps.code else request.payload
        alike = replace(request, to=gaps.address, message_id=gaps.id_left, payload=payload)
        with_gaps = self._compose(template, alike, stamp._replace(date=gaps.date))
        form = _Form.cut(with_gaps, gaps)
        return form if form.filled(request, composed.recipient, stamp.date) == composed else None


class _Gaps(NamedTuple):
    """What differs from one mail to the next of its kind."""

    address: str
    date: str
    id_left: str
    code: str

    @classmethod
    def standing_in(cls, digits: int) -> "_Gaps":
        code = "".join([choice("0123456789") for _ in range(digits)])
        return cls(f"{token_hex(8)}@example.com", token_hex(8), token_hex(8), code)


@dataclass(slots=True)
class _Form:
    """The octets around the gaps, and which gap is where."""

    pieces: list[bytes]
    order: list[int]
    sender: Mailbox
    reply_to: Mailbox | None
    has_leading_dots: bool

    @classmethod
    def cut(cls, composed: ComposedMail, gaps: _Gaps) -> "_Form":
        stand_ins = [gap.encode() for gap in gaps if gap]
        pieces = re.split(b"(%b)" % b"|".join(map(re.escape, stand_ins)), composed.message)
        order = [stand_ins.index(stand_in) for stand_in in pieces[1::2]]
        return cls(pieces, order, composed.sender, composed.reply_to, composed.has_leading_dots)

    def fill(self, request: EmailRequest) -> ComposedMail:
        return self.filled(request, recipient_of(request), date_now())

    def filled(self, request: EmailRequest, recipient: Mailbox, date: str) -> ComposedMail:
        gaps = (recipient.address, date, request.message_id or token_hex(16), _code(request))
        octets = [gap.encode() for gap in gaps]
        pieces = self.pieces.copy()
        pieces[1::2] = [octets[gap] for gap in self.order]
        message = b"".join(pieces)
        return ComposedMail(message, self.sender, recipient, self.reply_to, self.has_leading_dots)


def _kind(template: EmailTemplate, request: EmailRequest) -> Hashable:
    """Tell what must be equal for two mails to differ in the gaps only; None if it is unusual."""
    payload = request.payload
    code = _code(request)
    is_usual = (
        "link" not in payload
        and _CODE.fullmatch(code)
        and _SHORT.fullmatch(request.to)
        and (request.message_id is None or _SHORT.fullmatch(request.message_id))
    )
    if not is_usual:
        return None
    wording = (
        template.content_type,
        template.subject,
        template.content,
        template.text,
        template.send_from,
        template.reply_to,
    )
    values = Values(payload)
    asked = [values[placeholder] for placeholder in _asked(wording)]
    return wording, request.locale, str(payload.get("issuer")), len(code), tuple(asked)


@lru_cache(maxsize=_MOST_FORMS)
def _asked(wording: _Wording) -> tuple[str, ...]:
    """List the placeholders of a template but for the code, which has a gap of its own."""
    found = {each: None for text in wording if text for each in placeholders(text)}
    return tuple(each for each in found if each.strip("{} \t") != "code")


def _forget_some(known: dict[Hashable, Any]) -> None:
    if len(known) >= _MOST_FORMS:
        del known[next(iter(known))]


def _code(request: EmailRequest) -> str:
    return str(request.payload.get("code", ""))


def template_mailbox(text: str | None) -> Mailbox | None:
    """Read the `sendFrom` or `replyTo` of a filled template; raises PermanentFailure."""
    try:
        return parse_mailbox(text) if text else None
    except ValueError as error:
        message = "sendFrom or replyTo of this template is not exactly one mail address."
        raise PermanentFailure(message, reason="invalid_header") from error
