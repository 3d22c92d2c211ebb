"""Test tools for plugin authors: a connector that keeps its mails, and the contract as tests."""

from typing import ClassVar

from pydantic import Field, field_validator

from idp.connector_kit.addresses import parse_mailbox
from idp.connector_kit.composer import Composer
from idp.connector_kit.config import ConnectorConfig
from idp.connector_kit.conformance import EmailConnectorConformance
from idp.connector_kit.contract import (
    Capability,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
)
from idp.connector_kit.recording_provider import ReceivedEmail, RecordingProvider
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connector_kit.templates import EmailTemplate, TemplateSet

__all__ = [
    "EmailConnectorConformance",
    "MemoryConfig",
    "MemoryEmailConnector",
    "ReceivedEmail",
    "RecordingProvider",
]


class MemoryConfig(ConnectorConfig):
    """Settings of the connector that keeps its mails."""

    from_email: str = "idp@example.test"
    """The sender, as `address` or `Name <address>`."""
    templates: list[EmailTemplate] = Field(default_factory=lambda: shipped_templates("en"))
    """The wording; the shipped English templates when absent."""

    @field_validator("from_email")
    @classmethod
    def _one_mailbox(cls, value: str) -> str:
        parse_mailbox(value)
        return value


class MemoryEmailConnector(EmailConnector[MemoryConfig]):
    """Keeps what it sends in `sent`; each subclass has a list of its own."""

    metadata = ConnectorMetadata(
        id="memory",
        target="memory",
        name={"en": "Memory"},
        description={"en": "Keeps mails in memory, for tests."},
        example_config={
            "fromEmail": "Example <idp@example.test>",
            "templates": [
                {
                    "usageType": "Generic",
                    "contentType": "text/plain",
                    "subject": "{{code}} is your code",
                    "content": "Your code is {{code}}.",
                }
            ],
        },
        capabilities=frozenset({Capability.CUSTOM_TEMPLATE, Capability.MESSAGE_ID}),
    )
    config_model = MemoryConfig
    sent: ClassVar[list[ReceivedEmail]] = []

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.sent = []

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        """Do all that a real connector does, then keep the message."""
        template = TemplateSet(self.config.templates).select(
            request.usage_type, request.custom_template
        )
        composer = Composer(parse_mailbox(self.config.from_email))
        message = composer.compose(template, request).message
        self.sent.append(ReceivedEmail.from_bytes(message, [request.to]))
        return DeliveryReceipt(reply="kept in memory")
