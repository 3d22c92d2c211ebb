"""Every language has every sentence, and what is compiled is what was written."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from idp.web.i18n import LOCALE_DIRECTORY, LOCALES

PACKAGE = LOCALE_DIRECTORY.parent.parent
TRANSLATED = list(LOCALES[1:])
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "mark": None}


@pytest.fixture(scope="session")
def sentences() -> set[str]:
    found = extract_from_dir(PACKAGE, METHODS, {"**.html": {"trimmed": "true"}}, KEYWORDS)
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def read(locale: str) -> tuple[Catalog, Catalog]:
    directory = LOCALE_DIRECTORY / locale / "LC_MESSAGES"
    with (directory / "pages.po").open("rb") as po, (directory / "pages.mo").open("rb") as mo:
        return read_po(po, locale), read_mo(mo)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_is_translated(locale: str, sentences: set[str]) -> None:
    written, _ = read(locale)
    translated = {message.id for message in written if message.id and message.string}
    assert sentences - translated == set()
    assert translated - sentences == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_placeholders_survive_translation(locale: str) -> None:
    written, _ = read(locale)
    wrong = [message.id for message in written if list(message.check())]
    assert wrong == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_the_compiled_catalogue_is_fresh(locale: str) -> None:
    written, compiled = read(locale)
    assert {m.id: m.string for m in compiled if m.id} == {m.id: m.string for m in written if m.id}


def test_every_language_with_a_catalogue_is_offered() -> None:
    directories = {path.name for path in Path(LOCALE_DIRECTORY).iterdir() if path.is_dir()}
    assert directories == set(TRANSLATED)
