"""What is private in the words of a server."""

import base64

from idp_smtp_email.masking import spellings

from idp.connector_kit import Mask, private_texts

MASK = Mask(private_texts("Jane.Doe@example.test", {"code": "428913", "link": "https://x.test/1"}))


def test_an_address_is_masked_however_it_is_written() -> None:
    assert MASK("<jane.doe@EXAMPLE.test>: no such user") == "<***>: no such user"
    assert MASK("User jane.doe unknown, ask postmaster@mx.test") == "User *** unknown, ask ***"


def test_a_code_and_a_link_are_masked() -> None:
    assert MASK("spam: code428913x https://x.test/1!") == "spam: code***x ***!"


def test_a_short_local_part_is_not_taken_out_of_other_words() -> None:
    mask = Mask(private_texts("a@example.test", {}))
    assert mask("550 a user has no mailbox") == "550 *** user has no mailbox"


def test_a_password_is_masked_in_every_form_it_travels_in() -> None:
    mask = Mask(spellings("mailer", "open/sesame="))
    plain = base64.b64encode(b"\0mailer\0open/sesame=").decode()
    login = base64.b64encode(b"open/sesame=").decode()
    assert mask(f"bad {plain} or {login} or open/sesame=") == "bad *** or *** or ***"


def test_an_answer_becomes_one_line_of_bounded_length() -> None:
    assert Mask([])(" first\r\nsecond\x00\udcff") == "first second \ufffd"
    assert len(Mask([])("word " * 1000)) == 500
