"""Whatever colour a deployment chooses, its texts can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.web.colors import BLACK, READABLE, WHITE, Color

PARTS = st.integers(min_value=0, max_value=255)
COLORS = st.builds(Color, PARTS, PARTS, PARTS)


def test_contrast_is_measured_as_wcag_defines_it() -> None:
    assert WHITE.contrast(BLACK) == BLACK.contrast(WHITE) == 21
    assert WHITE.contrast(WHITE) == 1
    assert Color.parse("#767676").contrast(WHITE) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(("color", "text"), [("#3451b2", WHITE), ("#ffcc00", BLACK)])
def test_the_text_on_a_colour_is_white_where_that_can_be_read(color: str, text: Color) -> None:
    assert Color.parse(color).text_on_it() == text


@given(COLORS)
def test_text_on_any_colour_can_be_read(color: Color) -> None:
    assert color.contrast(color.text_on_it()) >= READABLE


@given(COLORS, st.sampled_from([WHITE, BLACK, Color.parse("#eef0f7"), Color.parse("#262c47")]))
def test_any_colour_is_tinted_until_it_can_be_read(color: Color, paper: Color) -> None:
    assert color.readable_on(paper).contrast(paper) >= READABLE


def test_a_readable_colour_stays_as_it_is() -> None:
    color = Color.parse("#0b6e4f")
    assert color.readable_on(WHITE) == color
    assert str(color) == "#0b6e4f"
