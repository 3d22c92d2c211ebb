"""What is private in the words of a provider."""

from time import perf_counter

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


def test_words_that_are_not_ascii_are_masked_in_any_case() -> None:
    assert Mask(["größe"])("kein Postfach für GRÖßE") == "kein Postfach für ***"
    assert Mask([])("kein Postfach für Größe") == "kein Postfach für Größe"


def test_a_hostile_answer_costs_no_time() -> None:
    started = perf_counter()
    assert Mask(["hush"])("@" + "a" * 1_000_000) == "@" + "a" * 499
    assert perf_counter() - started < 2


def test_an_answer_becomes_one_line_of_bounded_length() -> None:
    assert Mask([])(" first\r\nsecond\x00\udcff") == "first second \ufffd"
    assert len(Mask([])("word " * 1000)) == 500
