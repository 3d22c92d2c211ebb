"""Notices: mails without a code that tell people what was done to their account."""

from enum import StrEnum

from sqlmodel import Session, col, select

from idp.connector_kit import EmailTemplate, UsageType
from idp.connector_kit.language_tags import lookup_order
from idp.connector_kit.shipped_templates import nearest_locale, shipped_notice
from idp.storage.tables import CustomTemplate


class Notice(StrEnum):
    """What was done; an administrator's own wording is kept under the same name."""

    PASSWORD_CHANGED = "PasswordChanged"
    ADDRESS_CHANGED = "AddressChanged"
    NEW_DEVICE = "NewDevice"


def notice_template(session: Session, notice: Notice, locale: str, fallback: str) -> EmailTemplate:
    """Return the administrator's wording of a notice, else the shipped one.

    It is a Generic template, so that every connector sends it.
    """
    languages = list(dict.fromkeys([*lookup_order(locale), *lookup_order(fallback)]))
    statement = select(CustomTemplate).where(
        col(CustomTemplate.usage_type) == notice, col(CustomTemplate.language_tag).in_(languages)
    )
    own = {row.language_tag: row.template for row in session.exec(statement)}
    if found := next((own[tag] for tag in languages if tag in own), None):
        return EmailTemplate.model_validate(found | {"usageType": UsageType.GENERIC.value})
    return shipped_notice(nearest_locale(locale, fallback), notice)
