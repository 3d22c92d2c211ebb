"""Which language a person reads."""

import pytest
from starlette.requests import Request

from idp.web.i18n import LOCALES, best_match, catalogue, direction, negotiate


def ask(query: str = "", cookie: str = "", accept: str = "", default: str = "en") -> str:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    request = Request({"type": "http", "query_string": query.encode(), "headers": headers})
    return negotiate(request, default)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-CH;q=0.9, en;q=0.8", "de"),
        ("en;q=0.8, de;q=0.9", "de"),
        ("xx, de;q=0.1", "de"),
        ("xx", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nonsense, en", "en"),
        ("de;q=nan", "en"),
        ("*", "en"),
        (",,;;,", "en"),
        ("xx, " * 1000 + "de", "en"),
        ("en-GB, de", "en"),
        ("pt", "pt-BR"),
        ("pt-PT, en;q=0.9", "pt-BR"),
        ("zh", "zh-CN"),
        ("zh-Hans", "zh-CN"),
        ("zh-hans-cn", "zh-CN"),
        ("es-419, es;q=0.9", "es"),
        ("fr-CA", "fr"),
        ("ja-JP", "ja"),
    ],
)
def test_the_browsers_languages_count_by_their_weight(accept: str, expected: str) -> None:
    assert ask(accept=accept) == expected


def test_the_application_asks_first_then_the_persons_choice_then_the_browser() -> None:
    assert ask(query="ui_locales=de", cookie="idp_locale=en", accept="en") == "de"
    assert ask(cookie="idp_locale=de", accept="en") == "de"
    assert ask(query="ui_locales=xx+de-AT", accept="en") == "de"
    assert ask(query="ui_locales=xx", accept="de") == "de"


def test_what_nobody_wrote_falls_back_to_the_default_and_then_to_english() -> None:
    assert ask(accept="xx", default="de") == "de"
    assert ask(accept="xx", default="yy") == "en"


def test_a_language_without_a_catalogue_is_no_match() -> None:
    assert best_match(["xx", "x-klingon", ""]) is None
    assert best_match(["xx", "en-GB"]) == "en"


def test_languages_written_from_right_to_left_are_known() -> None:
    assert {direction(locale) for locale in LOCALES} == {"ltr"}
    assert direction("ar-XB") == "rtl"
    assert direction("he") == "rtl"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_listed_language_has_its_catalogue(locale: str) -> None:
    translations = catalogue(locale)
    assert translations is catalogue(locale)
    assert locale == "en" or translations.gettext("Sign in") != "Sign in"
