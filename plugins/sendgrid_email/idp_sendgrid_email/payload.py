"""A rendered mail becomes the body of SendGrid's Mail Send request."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any, cast

from idp.connector_kit import EmailRequest, Mailbox, RenderedEmail, build_mime, parse_mailbox

# SendGrid refuses most of these in `headers`, and writes all of them itself.
_WRITTEN_BY_SENDGRID = {
    "from", "to", "reply-to", "subject", "date",
    "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip

# Tracking would lead every link over another host, put a picture into the mail, or add a footer.
_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}


def mail_send_body(
    rendered: RenderedEmail, request: EmailRequest, sender: Mailbox, reply_to: Mailbox | None
) -> bytes:
    """Write the request; raises PermanentFailure when the mail could break out of a header.

    SendGrid wants the parts of a message. They are those of the message the kit composes, so that a
    mail is the same whichever way it leaves.
    """
    composed = build_mime(rendered, request, sender=sender, reply_to=reply_to)
    message = message_from_bytes(composed)
    recipient = parse_mailbox(request.to, display_name=False)
    body: dict[str, Any] = {
        "personalizations": [{"to": [_address(recipient)]}],
        "from": _address(sender),
        "subject": rendered.subject,
        "content": list(_content(message)),
        "headers": dict(_headers(message)),
        "tracking_settings": _NO_TRACKING,
    }
    if reply_to is not None:
        body["reply_to"] = _address(reply_to)
    if request.idempotency_key is not None:
        body["custom_args"] = {"idp_message": request.idempotency_key}
    if "code" in request.payload:
        # Its reader asked for it, whatever newsletter they once left.
        body["mail_settings"] = {"bypass_unsubscribe_management": {"enable": True}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _address(mailbox: Mailbox) -> dict[str, str]:
    name = {"name": mailbox.display_name} if mailbox.display_name else {}
    return {"email": mailbox.address, **name}


def _content(message: Message) -> Iterator[dict[str, str]]:
    """List the parts, text first as in the message; SendGrid takes no empty one."""
    for part in message.walk():
        if not part.is_multipart():
            octets = cast("bytes", part.get_payload(decode=True))
            if text := octets.decode().replace("\r\n", "\n").rstrip():
                yield {"type": part.get_content_type(), "value": f"{text}\n"}


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    for name, value in message.items():
        if name.lower() not in _WRITTEN_BY_SENDGRID:
            yield name, value.replace("\r\n", "").strip()
