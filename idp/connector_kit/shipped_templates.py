"""The default wording of every mail, one file of words per language, and one HTML layout."""

import html
import tomllib
from functools import cache
from importlib.resources import files
from string import Template

from idp.connector_kit.language_tags import lookup_order
from idp.connector_kit.templates import EmailTemplate
from idp.connector_kit.usage_types import UsageType

_SHIPPED = files("idp.connector_kit") / "shipped"
_Words = dict[str, str]


@cache
def _locales() -> tuple[str, ...]:
    names = (entry.name for entry in _SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def shipped_locales() -> list[str]:
    """Return the language tags (RFC 5646) that have default templates."""
    return list(_locales())


def shipped_templates(locale: str) -> list[EmailTemplate]:
    """Return one default template per usage type, in HTML with a text part of its own.

    Raises ValueError for a language that is not in `shipped_locales()`.
    """
    if locale not in _locales():
        known = ", ".join(_locales())
        raise ValueError(f"There are no default templates in this language; there are {known}.")
    return list(_templates(locale))


@cache
def shipped_notice(locale: str, notice: str) -> EmailTemplate:
    """Return the wording of a notice (such as `NewDevice`), which is a Generic mail without a code.

    Raises ValueError for a language that is not in `shipped_locales()`, KeyError for a notice that
    does not exist.
    """
    if locale not in _locales():
        raise ValueError("There are no notices in this language.")
    return _template(UsageType.GENERIC, _words(locale, "notice", notice), "notice")


@cache
def shipped_link_template(locale: str, usage_type: UsageType) -> EmailTemplate:
    """Return the default template of a mail with a code that also carries a link.

    Raises ValueError for a language that is not in `shipped_locales()`.
    """
    if locale not in _locales():
        raise ValueError("There are no default templates in this language.")
    return _template(usage_type, _words(locale, usage_type), "code_or_link")


def nearest_locale(*wanted: str) -> str:
    """Return the language with default templates that is nearest to the first of these tags."""
    tags = [tag for want in wanted for tag in lookup_order(want)]
    return next((tag for tag in tags if tag in _locales()), "en")


@cache
def _templates(locale: str) -> tuple[EmailTemplate, ...]:
    return tuple(
        _template(usage_type, _words(locale, usage_type), _action(usage_type))
        for usage_type in UsageType
    )


def _words(locale: str, *sections: str) -> _Words:
    """Return the words all mails share, and over them those of these sections."""
    words = _sections(locale)
    chosen = {"lang": locale, **words["shared"]}
    for section in sections:
        chosen |= words[section]
    return chosen


@cache
def _sections(locale: str) -> dict[str, _Words]:
    return tomllib.loads((_SHIPPED / f"{locale}.toml").read_text("utf-8"))


def _action(usage_type: UsageType) -> str:
    return "link" if usage_type is UsageType.ORGANIZATION_INVITATION else "code"


def _template(usage_type: UsageType, words: _Words, action: str) -> EmailTemplate:
    escaped = {name: html.escape(text) for name, text in words.items()}
    return EmailTemplate.parse(
        {
            "usageType": usage_type.value,
            "contentType": "text/html",
            "subject": words["subject"],
            "content": _fill("layout.html", escaped | {"action": _fill(f"{action}.html", escaped)}),
            "text": _fill(f"{action}.txt", words),
        }
    )


@cache
def _layout(name: str) -> Template:
    return Template((_SHIPPED / name).read_text("utf-8"))


def _fill(name: str, words: _Words) -> str:
    return _layout(name).substitute(words)
