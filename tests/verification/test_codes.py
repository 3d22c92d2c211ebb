"""The code itself, and what people make of it when they type or paste."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.verification.codes import new_code, read_code

codes = st.integers(0, 999_999).map(lambda number: f"{number:06}")


def holds_no_digit(character: str) -> bool:
    return not any(part.isdecimal() for part in unicodedata.normalize("NFKC", character))


separators = st.text(st.characters().filter(holds_no_digit), max_size=5)


@pytest.mark.parametrize("length", [6, 8, 10])
def test_a_code_has_exactly_its_digits(length: int) -> None:
    made = [new_code(length) for _ in range(300)]
    assert all(len(one) == length and one.isascii() and one.isdigit() for one in made)
    assert len(set(made)) > 290


def test_every_digit_comes_up_everywhere_leading_zeros_included() -> None:
    made = [new_code(6) for _ in range(5_000)]
    for position in range(6):
        seen = Counter(one[position] for one in made)
        assert len(seen) == 10
        assert min(seen.values()) > 350  # 500 expected, 350 is seven deviations away


@pytest.mark.parametrize(
    "typed",
    [
        "428913",
        " 428913\n",
        "428 913",
        "428-913",
        "428\u2009913",
        "4 2 8 9 1 3",
        "\uff14\uff12\uff18\uff19\uff11\uff13",  # full-width
        "\u0664\u0662\u0668\u0669\u0661\u0663",  # Arabic-Indic
        "\u06f4\u06f2\u06f8\u06f9\u06f1\u06f3",  # Persian
        "\u096a\u0968\u096e\u096f\u0967\u0969",  # Devanagari
        "\u2463\u2461\u2467\u2468\u2460\u2462",  # circled, digits only after NFKC
        "\U0001d7d2\U0001d7d0\U0001d7d6\U0001d7d7\U0001d7cf\U0001d7d1",  # mathematical bold
        "Your code: 428913",
        "Your code: 428-913.",
        "Ihr Code lautet \u201e428 913\u201c",
        "@id.example.com #428913",
    ],
)
def test_a_code_is_read_however_it_was_pasted(typed: str) -> None:
    assert read_code(typed, 6) == "428913"


@pytest.mark.parametrize("typed", ["", "abcdef", "42891", "4289131", "428913 428913", "½½½½½½"])
def test_what_does_not_leave_exactly_six_digits_is_no_code(typed: str) -> None:
    assert read_code(typed, 6) is None


@given(codes, separators, separators)
def test_words_around_the_digits_do_not_matter(code: str, before: str, between: str) -> None:
    assert read_code(f"{before}{code[:3]}{between}{code[3:]}{before}", 6) == code


@given(st.text())
def test_what_is_read_is_six_ascii_digits_or_nothing(typed: str) -> None:
    read = read_code(typed, 6)
    assert read is None or (len(read) == 6 and read.isascii() and read.isdigit())
