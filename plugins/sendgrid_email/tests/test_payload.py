"""The request SendGrid gets, to the letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from idp_sendgrid_email.payload import mail_send_body

from idp.connector_kit import EmailRequest, Mailbox, PermanentFailure, RenderedEmail, UsageType

SENDER = Mailbox("idp@example.test", "Größe & Söhne")
CODE: dict[str, object] = {"code": "428913", "issuer": "https://id.example.test"}


def body(
    rendered: RenderedEmail, payload: dict[str, object] = CODE, **changes: Any
) -> dict[str, Any]:
    values = {"message_id": "0199-a", "idempotency_key": "0199-b", "locale": "de", **changes}
    request = EmailRequest(
        to="reader@example.test", usage_type=UsageType.SIGN_IN, payload=payload, **values
    )
    reply_to = Mailbox("help@example.test")
    written: dict[str, Any] = json.loads(mail_send_body(rendered, request, SENDER, reply_to))
    return written


def test_a_code_mail_to_the_letter() -> None:
    rendered = RenderedEmail(subject="428913 – Code", text="Code: 428913", html="<b>428913</b>")
    assert body(rendered) == {
        "personalizations": [{"to": [{"email": "reader@example.test"}]}],
        "from": {"email": "idp@example.test", "name": "Größe & Söhne"},
        "reply_to": {"email": "help@example.test"},
        "subject": "428913 – Code",
        "content": [
            {"type": "text/plain", "value": "Code: 428913\n\n@id.example.test #428913\n"},
            {"type": "text/html", "value": "<b>428913</b>\n"},
        ],
        "headers": {
            "Message-ID": "<0199-a@example.test>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "OTP-Token": '"428913"; origin="https://id.example.test"',
            "Content-Language": "de",
        },
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
        "custom_args": {"idp_message": "0199-b"},
        "mail_settings": {"bypass_unsubscribe_management": {"enable": True}},
    }


def test_an_invitation_respects_who_unsubscribed() -> None:
    rendered = RenderedEmail(subject="Join", text="https://x.test/1")
    assert "mail_settings" not in body(rendered, {"link": "https://x.test/1"})


def test_a_mail_without_a_key_has_no_custom_arguments() -> None:
    assert "custom_args" not in body(RenderedEmail(subject="s", text="t"), idempotency_key=None)


def test_an_empty_part_is_left_out() -> None:
    content = body(RenderedEmail(subject="s", text="", html="<img>"), {})["content"]
    assert content == [{"type": "text/html", "value": "<img>\n"}]


def test_long_headers_stay_on_one_line() -> None:
    headers = body(RenderedEmail(subject="s", text="t"), message_id="m" * 200)["headers"]
    assert headers["Message-ID"] == f"<{'m' * 200}@example.test>"


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)
LINES = st.lists(WORDS, max_size=4)


@given(WORDS, LINES)
def test_whatever_the_words_are_they_arrive(subject: str, lines: list[str]) -> None:
    written = body(RenderedEmail(subject=subject, text="\n".join(lines)), {})
    assert written["subject"] == subject
    text = "".join(part["value"] for part in written["content"])
    assert text.strip() == "\n".join(lines).strip()


@pytest.mark.parametrize("subject", ["a\r\nBcc: b@x.test", "a\0", "a\u2028b"])
def test_a_subject_with_a_line_break_is_refused(subject: str) -> None:
    with pytest.raises(PermanentFailure, match="line break or control character"):
        body(RenderedEmail(subject=subject, text="t"))
