"""Mail templates and the one order in which they are chosen."""

from collections.abc import Iterable
from typing import Literal

from idp.connector_kit.config import ConnectorConfig
from idp.connector_kit.errors import TemplateNotFound
from idp.connector_kit.usage_types import REQUIRED_USAGE_TYPES, UsageType


class EmailTemplate(ConnectorConfig):
    """The wording of one kind of mail; `subject`, `content` and the rest may hold placeholders."""

    usage_type: str
    content_type: Literal["text/plain", "text/html"] = "text/html"
    subject: str
    content: str
    text: str | None = None
    """The plain-text part of an HTML mail; derived from `content` when absent."""
    send_from: str | None = None
    reply_to: str | None = None


class TemplateSet:
    """A connector's own templates, one per usage type."""

    def __init__(self, templates: Iterable[EmailTemplate]) -> None:
        self._by_usage_type: dict[str, EmailTemplate] = {}
        for template in templates:
            self._by_usage_type.setdefault(template.usage_type, template)

    def missing(self) -> list[UsageType]:
        """Return the required usage types that have no template."""
        return [usage for usage in REQUIRED_USAGE_TYPES if usage not in self._by_usage_type]

    def select(self, usage_type: UsageType, custom: EmailTemplate | None = None) -> EmailTemplate:
        """Choose the most specific template; `custom` is the administrator's localized one.

        A custom template for the usage type comes first, then the connector's own; only then a
        custom Generic one, then the connector's own. Raises TemplateNotFound.
        """
        own = self._by_usage_type.get(usage_type)
        if custom is not None and (custom.usage_type == usage_type or own is None):
            return custom
        chosen = own or self._by_usage_type.get(UsageType.GENERIC)
        if chosen is None:
            raise TemplateNotFound(f"No template for {usage_type.value} and no Generic one exists.")
        return chosen
