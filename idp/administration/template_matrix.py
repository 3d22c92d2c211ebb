"""Which wording each kind of mail gets in each language, and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from idp.administration.connectors import Instance
from idp.administration.deployment import Deployment
from idp.administration.email_templates import Filter, Key, MailKind, templates
from idp.connector_kit import (
    Capability,
    EmailTemplate,
    InvalidConfig,
    TemplateNotFound,
    TemplateSet,
    UsageType,
)
from idp.connector_kit.shipped_templates import (
    nearest_locale,
    shipped_locales,
    shipped_notice,
    shipped_templates,
)
from idp.outbox.notices import Notice
from idp.outbox.wording import choose, languages_tried
from idp.storage.tables import CustomTemplate


@dataclass(frozen=True)
class Cell:
    """The wording of one kind of mail for readers of one language."""

    key: Key
    template: EmailTemplate | None
    """What is sent; None: the connector has nothing to say."""
    custom: CustomTemplate | None
    """The administrator's template that is taken, if one is; else the connector's own is."""
    shipped: str | None = None
    """For a notice, the language of the server's own wording, if that is taken."""

    @property
    def is_own(self) -> bool:
        """Tell whether there is a custom template for exactly this kind and language."""
        row = self.custom
        return row is not None and Key.of(row.language_tag, row.usage_type) == self.key

    @property
    def is_as_shipped(self) -> bool:
        """Tell whether it still says what this server came with."""
        return self.is_own and self.template == shipped_wording(self.key)


def shipped_wording(key: Key) -> EmailTemplate | None:
    """Return what this server came with, if it speaks exactly this language."""
    if key.language_tag not in shipped_locales():
        return None
    if isinstance(key.usage_type, Notice):
        notice = shipped_notice(key.language_tag, key.usage_type)
        return notice.model_copy(update={"usage_type": key.usage_type.value})
    known = shipped_templates(key.language_tag)
    return next(each for each in known if each.usage_type == key.usage_type)


@dataclass(frozen=True)
class Wordings:
    """Everything a wording is chosen from."""

    custom: Sequence[CustomTemplate]
    shipped_with_connector: Sequence[EmailTemplate]
    takes_custom: bool
    """Some connectors leave the wording to the provider."""
    fallback: str

    def cell(self, key: Key) -> Cell:
        """Choose as a mail is worded when it is promised and sent."""
        if not isinstance(key.usage_type, Notice):
            return self._mail(key, key.usage_type)
        return self._notice(key) if self.takes_custom else self._mail(key, UsageType.GENERIC)

    def row(self, usage_type: MailKind, languages: Sequence[str]) -> list[Cell]:
        """Return the cells of one kind of mail."""
        return [self.cell(Key(language, usage_type)) for language in languages]

    def _mail(self, key: Key, usage_type: UsageType) -> Cell:
        languages = languages_tried(key.language_tag, self.fallback)
        row = choose(self.custom, usage_type, languages) if self.takes_custom else None
        custom = EmailTemplate.model_validate(row.template) if row else None
        try:
            chosen = TemplateSet(self.shipped_with_connector).select(usage_type, custom)
        except TemplateNotFound:
            return Cell(key, None, None)
        return Cell(key, chosen, row if chosen is custom else None)

    def _notice(self, key: Key) -> Cell:
        """Choose as `idp.outbox.notices` does: it never falls back to a Generic wording."""
        languages = languages_tried(key.language_tag, self.fallback)
        candidates = [row for row in self.custom if row.usage_type == key.usage_type]
        if row := choose(candidates, key.usage_type, languages):
            return Cell(key, EmailTemplate.model_validate(row.template), row)
        locale = nearest_locale(key.language_tag, self.fallback)
        return Cell(key, shipped_notice(locale, key.usage_type), None, shipped=locale)


def takes_custom(instance: Instance) -> bool:
    """Tell whether mails through an instance are worded by the administrator's templates."""
    connector = instance.connector
    return connector is None or Capability.CUSTOM_TEMPLATE in connector.metadata.capabilities


def wordings(session: Session, deployment: Deployment, instance: Instance | None) -> Wordings:
    """Read what the mails of one connector instance are worded with."""
    return Wordings(
        custom=templates(session, Filter()),
        shipped_with_connector=_own(deployment, instance),
        takes_custom=instance is None or takes_custom(instance),
        fallback=deployment.settings.default_locale,
    )


def _own(deployment: Deployment, instance: Instance | None) -> Sequence[EmailTemplate]:
    """Return the templates in a connector's settings, if it keeps any and can be opened."""
    if instance is None or instance.connector is None:
        return ()
    try:
        saved = deployment.secrets.open_json(instance.row.config)
        config = instance.connector.config_model.parse(saved)
    except InvalidConfig:  # a newer version of its plugin may want more
        return ()
    return [each for each in getattr(config, "templates", ()) if isinstance(each, EmailTemplate)]
