"""Tests of the internet message built from a rendered mail."""

import re
from base64 import b64decode
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.connector_kit import (
    EmailRequest,
    Mailbox,
    PermanentFailure,
    RenderedEmail,
    UsageType,
    build_mime,
    is_reserved_header,
)

SENDER = Mailbox("idp@acme.test", "Acme")
HEADER_NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "OTP-Token",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]
CODE_MAIL = {"code": "428913", "issuer": "https://idp.test/oidc"}
ENCODED_BREAK = "=?utf-8?q?Acme=0D=0ABcc:_evil@y.test?="
BREAKS = ["a\r\nBcc: b@y.test", "a\nb", "a\rb", "a\0b", "a\x0bb", "a\x85b", "a\u2028b", "\ud800"]


def build(
    subject: str = "s", text: str = "t", html: str | None = "<p>t</p>", **changes: Any
) -> bytes:
    request = EmailRequest(
        to=changes.pop("to", "reader@example.test"),
        usage_type=UsageType.SIGN_IN,
        payload=changes.pop("payload", {"code": "428913"}),
        locale=changes.pop("locale", "pt-BR"),
        message_id=changes.pop("message_id", None),
    )
    rendered = RenderedEmail(subject=subject, text=text, html=html)
    return build_mime(rendered, request, **{"sender": SENDER, **changes})


def parse(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, _class=EmailMessage, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def content(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


def test_all_headers_of_a_code_mail() -> None:
    reply_to = Mailbox("help@acme.test")
    message = parse(build(subject="428913 is your code", reply_to=reply_to, payload=CODE_MAIL))
    assert message["From"] == "Acme <idp@acme.test>"
    assert message["To"] == "reader@example.test"
    assert message["Reply-To"] == "help@acme.test"
    assert message["Subject"] == "428913 is your code"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["OTP-Token"] == '"428913"; origin="https://idp.test"'
    assert message["Content-Language"] == "pt-BR"
    assert message["MIME-Version"] == "1.0"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None


def test_text_stands_before_html() -> None:
    message = parse(build(text="one\ntwo", html="<p>one</p>"))
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    assert content(message, "plain") == "one\r\ntwo\r\n"
    assert content(message, "html") == "<p>one</p>\r\n"


def test_a_mail_without_html_has_one_part() -> None:
    message = parse(build(text="one", html=None))
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "one\r\n"


@pytest.mark.parametrize(
    "text", ["a\rb\nc\r\nd", "ü\rb\nc\r\nd", "漢字\n漢\r字", "a" * 2000, "\0\n\n"]
)
def test_every_line_ends_in_crlf_and_none_is_too_long(text: str) -> None:
    lines = build(text=text, html=text, subject=text.translate({10: 32, 13: 32, 0: 32})).split(
        b"\r\n"
    )
    assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
    assert max(map(len, lines)) <= 998


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("a" * 998, "7bit"),
        ("a" * 999, "quoted-printable"),
        ("mostly plain, naïve", "quoted-printable"),
        ("コードの有効期限", "base64"),
    ],
)
def test_each_part_travels_in_the_shortest_safe_encoding(text: str, encoding: str) -> None:
    message = parse(build(text=text, html=None))
    assert message["Content-Transfer-Encoding"] == encoding
    assert message.get_content() == text + "\r\n"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_arrives_as_written(text: str) -> None:
    received = content(parse(build(text=text)), "plain")
    written = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert received.replace("\r\n", "\n") == written


def test_a_lone_surrogate_in_the_text_does_not_stop_the_mail() -> None:
    assert content(parse(build(text="a\ud800b")), "plain") == "a?b\r\n"


@pytest.mark.parametrize("value", BREAKS)
@pytest.mark.parametrize("place", ["subject", "locale", "sender", "reply_to", "headers", "address"])
def test_a_line_break_or_control_character_is_refused(value: str, place: str) -> None:
    changes: dict[str, Any] = {
        "subject": {"subject": value},
        "locale": {"locale": value},
        "sender": {"sender": Mailbox("a@x.test", value)},
        "reply_to": {"reply_to": Mailbox("a@x.test", value)},
        "headers": {"headers": {"X-A": ["fine", value]}},
        "address": {"sender": Mailbox(f"{value}@x.test")},
    }
    with pytest.raises(PermanentFailure) as failure:
        build(**changes[place])
    assert failure.value.reason == "invalid_header"
    assert value not in str(failure.value)


@given(value=st.text() | st.from_regex(r"=\?utf-8\?[qb]\?[\w=]*\?="), locale=st.text(max_size=9))
@example(value=ENCODED_BREAK, locale="en")
@example(value=f"{'x ' * 40}{ENCODED_BREAK}", locale=ENCODED_BREAK)
def test_no_value_adds_a_header(value: str, locale: str) -> None:
    sender = Mailbox("idp@acme.test", value)
    try:
        changes: dict[str, Any] = {
            "sender": sender,
            "headers": {"X-A": value},
            "payload": CODE_MAIL,
        }
        raw = build(subject=value, locale=locale, **changes)
    except PermanentFailure:
        return
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] != b" "]
    assert names == [*HEADER_NAMES[:-1], "X-A", "Content-Type"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
@example("Doe, Jane")
@example('a "b" \\ (c) <d@e.test>')
@example("é" * 60)
def test_subject_and_display_name_are_read_as_written(value: str) -> None:
    message = message_from_bytes(build(subject=value, sender=Mailbox("idp@acme.test", value)))
    name, address = parseaddr(message["From"])
    assert address == "idp@acme.test"
    for words in (name, message["Subject"]):
        assert str(make_header(decode_header(words))).split() == value.split()


@given(value=st.text(st.sampled_from("aé漢😀 "), max_size=200))
def test_an_encoded_word_is_short_and_splits_no_character(value: str) -> None:
    raw = build(subject=value, sender=Mailbox("idp@acme.test", value))
    encoded = re.findall(rb"=\?utf-8\?b\?([^?]*)\?=", raw.partition(b"\r\n\r\n")[0])
    assert bool(encoded) is not value.isascii()
    for each in encoded:
        assert len(each) + len("=?utf-8?b??=") <= 75
        b64decode(each).decode()


def test_long_headers_are_folded() -> None:
    value = "one two three " * 30
    message = build(subject=value, headers={"X-Long": value})
    assert max(map(len, message.split(b"\r\n"))) <= 78
    assert parse(message)["Subject"] == value.strip()


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X-A\r\nBcc", "Ü", "Bcc", "from", "Content-X"])
def test_a_reserved_or_malformed_header_name_is_refused(name: str) -> None:
    with pytest.raises(PermanentFailure, match="custom header"):
        build(headers={name: "a@y.test"})


def test_reserved_headers_are_told_in_any_case() -> None:
    assert is_reserved_header("BCC")
    assert is_reserved_header("mime-version")
    assert not is_reserved_header("X-Mailer")


def test_a_custom_header_is_repeated_for_each_value() -> None:
    assert parse(build(headers={"X-Tag": ["a", "b"]})).get_all("X-Tag") == ["a", "b"]


def test_a_custom_header_replaces_a_generated_one() -> None:
    headers = {"reply-to": "b@acme.test", "auto-submitted": "no"}
    message = parse(build(reply_to=Mailbox("a@acme.test"), headers=headers))
    assert message.get_all("Reply-To") == ["b@acme.test"]
    assert message.get_all("Auto-Submitted") == ["no"]


@pytest.mark.parametrize("to", ["a@x.test,b@y.test", "x@corp.test@evil.test", "A <a@x.test>", ""])
def test_anything_but_one_bare_recipient_is_refused(to: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        build(to=to)
    assert failure.value.reason == "invalid_recipient"


@given(to=st.text() | st.from_regex(r"[a-z]@x\.test[,;\s<>@]+[a-z]@y\.test", fullmatch=True))
@example(to="reader@example.test")
def test_no_recipient_is_added(to: str) -> None:
    try:
        message = parse(build(to=to))
    except PermanentFailure:
        return
    assert len(message["To"].addresses) == 1
    assert message["Bcc"] is message["Cc"] is None


def test_an_internationalized_domain_travels_as_a_label() -> None:
    assert parse(build(to="u@exämple.test"))["To"] == "u@xn--exmple-cua.test"


def test_a_local_part_beyond_ascii_travels_as_utf8() -> None:
    assert "\r\nTo: ü@x.test\r\n".encode() in build(to="ü@x.test")


def test_the_message_id_is_the_one_asked_for() -> None:
    assert b"\r\nMessage-ID: <1.a@acme.test>\r\n" in build(message_id="1.a")


def test_a_message_id_is_made_in_the_domain_of_the_sender() -> None:
    first, second = (parse(build())["Message-ID"] for _ in range(2))
    assert first != second
    assert first.endswith("@acme.test>")


@pytest.mark.parametrize("message_id", ["a@x", "(", "é", "a, b", "a>\r\nBcc: b@y.test", "<a>"])
def test_a_malformed_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(PermanentFailure, match="message id"):
        build(message_id=message_id)


@pytest.mark.parametrize("issuer", ["http://localhost:8000", "http://[::1]:8", "https://a.test:8"])
def test_the_code_is_bound_to_its_origin(issuer: str) -> None:
    message = parse(build(payload={"code": "007", "issuer": issuer}))
    assert message["OTP-Token"] == f'"007"; origin="{issuer}"'


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"code": "428913"},
        {"issuer": "https://a.test"},
        {"code": "abc", "issuer": "https://a.test"},
        {"code": "١٢", "issuer": "https://a.test"},
        {"code": "1\r\nBcc: b@y.test", "issuer": "https://a.test"},
        {"code": "428913", "issuer": "http://a.test"},
        {"code": "428913", "issuer": 'https://a"b'},
        {"code": "428913", "issuer": "http://localhost.a.test"},
        {"code": "428913", "issuer": None},
    ],
)
def test_no_origin_is_named_without_digits_and_a_protected_issuer(
    payload: dict[str, object],
) -> None:
    assert "OTP-Token" not in parse(build(payload=payload))


@pytest.mark.parametrize(
    "text", ["Your code is 428913.", "Code: 428913\n\n", "", "@idp.test #428913"]
)
def test_a_code_mail_ends_with_the_line_that_binds_it_to_its_host(text: str) -> None:
    received = content(parse(build(text=text, payload=CODE_MAIL)), "plain")
    assert received.split("\r\n")[-2:] == ["@idp.test #428913", ""]
    assert received.count("@idp.test #428913") == 1
    assert received.startswith(text.strip())


def test_a_port_belongs_to_the_host() -> None:
    payload = {"code": "007", "issuer": "http://localhost:8000"}
    message = parse(build(payload=payload))
    assert content(message, "plain") == "t\r\n\r\n@localhost:8000 #007\r\n"
    assert "localhost" not in content(message, "html")


def test_a_mail_without_a_code_ends_as_it_was_written() -> None:
    payload = {"link": "https://idp.test/x", "issuer": "https://idp.test"}
    assert content(parse(build(payload=payload)), "plain") == "t\r\n"


def test_a_header_name_too_long_for_a_line_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="no valid name"):
        build(headers={"X" * 1000: "a"})
