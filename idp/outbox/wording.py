"""Which of the administrator's localized templates a mail gets, chosen when it is promised."""

from collections.abc import Sequence
from itertools import chain, repeat

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from idp.connector_kit import EmailTemplate, UsageType
from idp.connector_kit.language_tags import lookup_order
from idp.connector_kit.shipped_templates import shipped_templates
from idp.storage.statements import Statement
from idp.storage.tables import CustomTemplate

_MOST_LANGUAGES = 8
_LANGUAGES = [f"language_{number}" for number in range(_MOST_LANGUAGES)]
_CANDIDATES = Statement[CustomTemplate](
    select(CustomTemplate).where(
        col(CustomTemplate.language_tag).in_([bindparam(name) for name in _LANGUAGES]),
        col(CustomTemplate.usage_type).in_([bindparam("usage_type"), UsageType.GENERIC]),
    )
)


def custom_template(
    session: Session, usage_type: UsageType, locale: str, fallback: str
) -> EmailTemplate | None:
    """Return the most specific custom template, or None when the connector's own shall do.

    The usage type counts before the language: `choose` states the order.
    """
    languages = languages_tried(locale, fallback)
    asked = dict(zip(_LANGUAGES, chain(languages, repeat(languages[-1])), strict=False))
    candidates = _CANDIDATES.all(session, usage_type=usage_type, **asked)
    chosen = choose(candidates, usage_type, languages)
    return EmailTemplate.model_validate(chosen.template) if chosen else None


def choose(
    candidates: Sequence[CustomTemplate], usage_type: str, languages: Sequence[str]
) -> CustomTemplate | None:
    """Prefer the usage type over Generic, then the reader's language over its base and fallback."""
    by_key = {(row.usage_type, row.language_tag): row for row in candidates}
    keys = ((usage, tag) for usage in (usage_type, UsageType.GENERIC) for tag in languages)
    return next((by_key[key] for key in keys if key in by_key), None)


def languages_tried(locale: str, fallback: str) -> list[str]:
    """Return the languages a wording is looked for in, the reader's own first."""
    return list(dict.fromkeys([locale, *lookup_order(locale), *lookup_order(fallback)]))


def save_shipped_templates(
    session: Session, locales: Sequence[str], *, replace: bool = True
) -> None:
    """Make the shipped templates of these languages the administrator's own.

    Without `replace`, those the administrator has already stay as they are.
    """
    for locale in locales:
        for template in shipped_templates(locale):
            usage_type = template.usage_type
            if replace or session.get(CustomTemplate, (locale, usage_type)) is None:
                saved = template.model_dump(by_alias=True)
                session.merge(
                    CustomTemplate(language_tag=locale, usage_type=usage_type, template=saved)
                )
