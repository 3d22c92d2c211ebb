"""A mail is decoded for people and programs, whatever arrives."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies

from idp.demo.received_mail import ReceivedMail


def received(source: bytes) -> ReceivedMail:
    return ReceivedMail(
        "1", "bounces@example.com", ("alice@example.com",), datetime.now(UTC), source
    )


def plain(text: str, *headers: str) -> ReceivedMail:
    head = [*headers, "Content-Type: text/plain; charset=utf-8"]
    return received(("\r\n".join(head) + "\r\n\r\n" + text).encode())


def test_the_code_is_that_of_the_otp_token_header() -> None:
    mail = plain(
        "Order 111111, code 428913", 'OTP-Token: "428913"; origin="https://id.example.com"'
    )
    assert mail.verification_code == "428913"


@pytest.mark.parametrize(
    ("text", "verification_code"),
    [
        ("Your code: 428913.\n\n@localhost:8000 #428913", "428913"),
        ("Your code: 0428913244", "0428913244"),
        ("428913 or 428914", None),
        ("Call 12345 or 12345678901", None),
        ("Reference A428913B", None),
        ("Welcome", None),
    ],
)
def test_without_the_header_the_code_is_the_only_number_that_can_be_one(
    text: str, verification_code: str | None
) -> None:
    assert plain(text).verification_code == verification_code


def test_a_code_is_found_in_a_mail_of_html_alone() -> None:
    mail = received(b"Content-Type: text/html\r\n\r\n<p style='color:#123456'>Code <b>428913</b>")
    assert mail.verification_code == "428913"
    assert mail.text is None


def test_a_folded_and_encoded_header_is_read_in_full() -> None:
    mail = plain("", "Subject: =?utf-8?b?R3LDvMOf?=\r\n =?utf-8?b?ZSA=?= from here")
    assert mail.subject == "Grüße  from here"


def test_an_attachment_is_not_the_text() -> None:
    mail = plain("note", "Content-Disposition: attachment; filename=note.txt")
    assert mail.text is None


@pytest.mark.parametrize("charset", ["no-such-charset", "utf-8"])
def test_octets_that_fit_no_charset_are_still_shown(charset: str) -> None:
    head = f"Subject: =?{charset}?b?/w==?=\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    mail = received(head.encode() + b"caf\xe9")
    assert mail.text == "caf\ufffd"
    assert mail.subject


def test_without_a_from_header_the_author_is_the_sender() -> None:
    assert plain("").author == "bounces@example.com"


def test_an_address_is_compared_without_regard_to_case() -> None:
    assert plain("").is_for("Alice@Example.COM")
    assert not plain("").is_for("bob@example.com")


HEADERS = strategies.sampled_from(
    ["Subject", "From", "To", "Message-ID", "OTP-Token", "Content-Type", "Content-Disposition",
     "Content-Transfer-Encoding", "MIME-Version", ""]
)  # fmt: skip
VALUES = strategies.text() | strategies.sampled_from(
    ["=?utf-8?b?A?=", "=?x?q?=ff?=", "text/html; charset=", "multipart/mixed; boundary=",
     "text/plain; charset*=x'y'%ff", "attachment; filename*=", "base64", "<>", "@",
     "message/rfc822"]
)  # fmt: skip


@given(strategies.lists(strategies.tuples(HEADERS, VALUES), max_size=4), strategies.binary())
def test_every_mail_can_be_shown(fields: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    mail = received(head.encode(errors="replace") + b"\r\n" + body)
    shown = (mail.subject, mail.author, mail.promise_id, mail.raw, mail.text, mail.html)
    assert all(part is None or part.encode() is not None for part in shown)
    assert mail.verification_code is None or mail.verification_code.isdigit()
