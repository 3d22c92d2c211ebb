"""The default wording of every mail, one file of words per language, and one HTML layout."""

import html
import tomllib
from functools import cache
from importlib.resources import files
from string import Template

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
def _templates(locale: str) -> tuple[EmailTemplate, ...]:
    words = tomllib.loads((_SHIPPED / f"{locale}.toml").read_text("utf-8"))
    shared = {"lang": locale, **words["shared"]}
    return tuple(_template(usage_type, shared | words[usage_type]) for usage_type in UsageType)


def _template(usage_type: UsageType, words: _Words) -> EmailTemplate:
    action = "link" if usage_type is UsageType.ORGANIZATION_INVITATION else "code"
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
