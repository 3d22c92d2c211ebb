"""Tests of strict mail addresses."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from idp.connector_kit import Mailbox, parse_mailbox


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("a@x.test", Mailbox("a@x.test")),
        ("<a@x.test>", Mailbox("a@x.test")),
        ("Acme <a@x.test>", Mailbox("a@x.test", "Acme")),
        ("  Acme Inc.  <a@x.test> ", Mailbox("a@x.test", "Acme Inc.")),
        ('"Doe, Jane" <a@x.test>', Mailbox("a@x.test", "Doe, Jane")),
        (r'"Jane \"J\" \\ Doe" <a@x.test>', Mailbox("a@x.test", r'Jane "J" \ Doe')),
        ("Café 漢字 <a@x.test>", Mailbox("a@x.test", "Café 漢字")),
        ('"evil@y.test" <a@x.test>', Mailbox("a@x.test", "evil@y.test")),
        ("o'neil+tag%x@x.test", Mailbox("o'neil+tag%x@x.test")),
        ("a@exämple.test", Mailbox("a@xn--exmple-cua.test")),
        ("a@XN--EXMPLE-CUA.test", Mailbox("a@xn--exmple-cua.test")),
        ("ü@x.test", Mailbox("ü@x.test")),
        ("a@corp.local", Mailbox("a@corp.local")),
        ("a@localhost", Mailbox("a@localhost")),
        ("a@mail", Mailbox("a@mail")),
    ],
)
def test_exactly_one_mailbox_is_read(text: str, mailbox: Mailbox) -> None:
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "",
        "postmaster",
        "@x.test",
        "a@",
        "<>",
        "Acme <>",
        "a@x.test,b@y.test",
        "a@x.test;b@y.test",
        "a@x.test b@y.test",
        "x@corp.test@evil.test",
        "Acme <a@x.test>, b@y.test",
        "Acme <a@x.test> <b@y.test>",
        "a@x.test>",
        "b@x.test\r\nRCPT TO:<evil@x.test>",
        "Acme\nBcc: b@y.test <a@x.test>",
        "b@x.test NOTIFY=NEVER",
        "a@x.test\0",
        "a@x.test\n",
        "a@x.test\u2028",
        "a\u202eb@x.test",
        "a..b@x.test",
        '"a b"@x.test',
        "(comment)a@x.test",
        "a@[127.0.0.1]",
        "a@-x.test",
        "a@x..test",
        "a@xn--",
        "a@" + "x" * 64 + ".test",
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refusal:
        parse_mailbox(text)
    assert not text or text not in str(refusal.value)


@pytest.mark.parametrize("text", ["Acme <a@x.test>", "<a@x.test>", " a@x.test", "a@x.test "])
def test_a_bare_address_is_demanded_where_no_name_may_stand(text: str) -> None:
    with pytest.raises(ValueError, match="`name@domain`"):
        parse_mailbox(text, display_name=False)
    assert parse_mailbox("a@x.test", display_name=False) == Mailbox("a@x.test")


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert parse_mailbox("ü@exämple.test").needs_smtputf8
    assert not parse_mailbox("u@exämple.test").needs_smtputf8


def test_the_domain_is_the_part_after_the_at_sign() -> None:
    assert parse_mailbox("a@exämple.test").domain == "xn--exmple-cua.test"


@given(st.text())
def test_any_text_gives_one_mailbox_or_a_value_error(text: str) -> None:
    try:
        mailbox = parse_mailbox(text)
    except ValueError:
        return
    assert mailbox.address.count("@") == 1
    assert not set(mailbox.address) & set("\r\n\0<>, ")


usual = st.from_regex(r"[a-zA-Z0-9._+-]{1,70}@[a-zA-Z0-9.-]{1,30}\Z") | st.sampled_from(
    ["a@x.test", "Postmaster@X.Test", "a.@x.test", "a@x.123", "a" * 64 + "@x.test", "a@xn--.test"]
)


@given(usual)
@example("a" * 65 + "@x.test")
@example("a@" + "x" * 60 + "." + "y" * 60 + "." + "z" * 60 + ".test")
@example("a" * 60 + "@" + ".".join(["x" * 60] * 3))
def test_the_quick_way_agrees_with_the_library(text: str) -> None:
    try:
        expected = validate_email(
            text, check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except EmailNotValidError:
        with pytest.raises(ValueError, match=r"^must "):
            parse_mailbox(text)
    else:
        address = f"{expected.local_part}@{expected.ascii_domain}"
        assert parse_mailbox(text) == Mailbox(address)
