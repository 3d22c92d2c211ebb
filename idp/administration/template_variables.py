"""What a template may say between its braces, by the kind of mail."""

from dataclasses import dataclass

from idp.connector_kit import UsageType
from idp.outbox.notices import Notice

_INVITATION = frozenset({UsageType.ORGANIZATION_INVITATION})
_NOTICES = frozenset(Notice)
_MAILS_WITH_CODES = frozenset(UsageType) - _INVITATION
_MAILS_FROM_PAGES = _MAILS_WITH_CODES - {UsageType.GENERIC} | _NOTICES
_MAILS_WITH_LINKS = frozenset({UsageType.REGISTER, UsageType.SIGN_IN, UsageType.FORGOT_PASSWORD})
_ALL = frozenset(UsageType) | _NOTICES


@dataclass(frozen=True)
class Variable:
    """A placeholder the server fills."""

    name: str
    meaning: str
    usage_types: frozenset[UsageType | Notice] = _ALL

    @property
    def root(self) -> str:
        return self.name.partition(".")[0]


VARIABLES = (
    Variable("code", "the code to type", _MAILS_WITH_CODES),
    Variable("link", "the address to open", _INVITATION),
    Variable("link", "the address to open, where IDP_MAIL_LINKS names the mail", _MAILS_WITH_LINKS),
    Variable("link", "where the person objects", _NOTICES),
    Variable("organization.name", "what the person is invited to", _INVITATION),
    Variable("expiresInMinutes", "how long it works", _ALL - _NOTICES),
    Variable("expiresInDays", "the same in days", _INVITATION),
    Variable("application.name", "what the person signs in to, or IDP_PRODUCT_NAME"),
    Variable("issuerHost", "the host of this server"),
    Variable("issuer", "its whole address"),
    Variable("supportEmail", "IDP_SUPPORT_EMAIL"),
    Variable("locale", "the language of the mail"),
    Variable("request.ip", "the address it was asked for from", _MAILS_FROM_PAGES),
    Variable("request.device", "the browser it was asked for with", _MAILS_FROM_PAGES),
    Variable("request.time", "when it was asked for, in UTC", _MAILS_FROM_PAGES),
)
"""Plugins may fill more."""


def variables_of(usage_type: UsageType | Notice) -> list[Variable]:
    """Return what a template of this kind may say, the most important first."""
    return [each for each in VARIABLES if usage_type in each.usage_types]
