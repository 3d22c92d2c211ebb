"""Language tags: what a reader is content with, best first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit.language_tags import lookup_order


@pytest.mark.parametrize(
    ("tag", "order"),
    [
        ("de", ["de"]),
        ("en-GB", ["en-GB", "en"]),
        ("pt", ["pt", "pt-BR"]),
        ("pt-PT", ["pt-PT", "pt", "pt-BR"]),
        ("pt-br", ["pt-BR", "pt"]),
        ("zh", ["zh", "zh-CN"]),
        ("ZH_hans_cn", ["zh-Hans-CN", "zh-Hans", "zh", "zh-CN"]),
        ("zh-Hans", ["zh-Hans", "zh", "zh-CN"]),
        ("de-DE-u-co-phonebk", ["de-DE-u-co-phonebk", "de-DE-u-CO", "de-DE", "de"]),
        ("", []),
        ("x" * 36, []),
    ],
)
def test_a_tag_is_cut_short_until_only_the_language_is_left(tag: str, order: list[str]) -> None:
    assert [each.lower() for each in lookup_order(tag)] == [each.lower() for each in order]


def test_tags_are_written_as_catalogues_and_templates_are_named() -> None:
    assert lookup_order("PT-bR")[0] == "pt-BR"
    assert lookup_order("zh_hans")[0] == "zh-Hans"


@given(st.text(max_size=200))
def test_no_text_is_too_odd_to_be_taken_for_a_tag(text: str) -> None:
    assert len(lookup_order(text)) <= 36
