"""Every language has every sentence, and what is compiled is what was written."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from idp.connector_kit.shipped_templates import shipped_locales
from idp.web.i18n import LOCALE_DIRECTORY, LOCALES, catalogue, mark_plural

PACKAGE = LOCALE_DIRECTORY.parent.parent
TRANSLATED = list(LOCALES[1:])
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {"_": None, "mark": None, "mark_plural": (1, 2), "ngettext": (1, 2)}


@pytest.fixture(scope="session")
def sentences() -> set[str]:
    found = extract_from_dir(PACKAGE, METHODS, {"**.html": {"trimmed": "true"}}, KEYWORDS)
    return {singular(message) for _, _, message, _, _ in found}


def singular(msgid: str | Sequence[str]) -> str:
    return msgid if isinstance(msgid, str) else msgid[0]


def said(translations: Catalog) -> dict[str, list[str]]:
    """Return every form in which each sentence is said."""
    return {
        singular(message.id): [str(form) for form in _forms(message)]
        for message in translations
        if message.id
    }


def read(locale: str) -> tuple[Catalog, Catalog]:
    directory = LOCALE_DIRECTORY / locale.replace("-", "_") / "LC_MESSAGES"
    with (directory / "pages.po").open("rb") as po, (directory / "pages.mo").open("rb") as mo:
        return read_po(po, locale.replace("-", "_")), read_mo(mo)


def _forms(message: Message) -> Sequence[str | None]:
    string = message.string
    return string if isinstance(string, (list, tuple)) else [string or ""]


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_is_translated(locale: str, sentences: set[str]) -> None:
    written, _ = read(locale)
    translated = {msgid for msgid, forms in said(written).items() if all(forms)}
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
    assert said(compiled) == said(written)


def test_every_language_with_a_catalogue_is_offered() -> None:
    directories = {path.name for path in Path(LOCALE_DIRECTORY).iterdir() if path.is_dir()}
    assert directories == {locale.replace("-", "_") for locale in TRANSLATED}


def test_pages_are_written_in_the_languages_mails_are_written_in() -> None:
    assert sorted(LOCALES) == sorted(shipped_locales())


@pytest.mark.parametrize(
    ("locale", "one", "many"),
    [
        ("en", "1 minute", "2 minutes"),
        ("de", "1 Minute", "2 Minuten"),
        ("fr", "1 minute", "2 minutes"),
        ("pt-BR", "1 minuto", "2 minutos"),
        ("ja", "1分", "2分"),
        ("zh-CN", "1 分钟", "2 分钟"),
    ],
)
def test_what_is_counted_takes_the_plural_form_of_its_language(
    locale: str, one: str, many: str
) -> None:
    forms = mark_plural("%(number)s minute", "%(number)s minutes")
    said = [catalogue(locale).ngettext(*forms, number) % {"number": number} for number in (1, 2)]
    assert said == [one, many]
