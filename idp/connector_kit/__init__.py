"""The contract between the server and email connectors: everything a plugin author needs."""

from idp.connector_kit.addresses import Mailbox, parse_mailbox
from idp.connector_kit.composer import ComposedMail, Composer
from idp.connector_kit.config import ConnectorConfig, FormConfig
from idp.connector_kit.contract import (
    Capability,
    ConfigChange,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    ProbeStep,
)
from idp.connector_kit.errors import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    PermanentFailure,
    ProviderReply,
    RateLimited,
    TemplateNotFound,
    TransientFailure,
)
from idp.connector_kit.fields import (
    CompleteTemplates,
    EndpointUrl,
    HeaderSecret,
    MailboxText,
    Milliseconds,
)
from idp.connector_kit.masking import Mask, private_texts
from idp.connector_kit.mime import build_mime, is_reserved_header
from idp.connector_kit.rendering import RenderedEmail, render, substitute
from idp.connector_kit.templates import EmailTemplate, TemplateSet
from idp.connector_kit.usage_types import REQUIRED_USAGE_TYPES, UsageType

__all__ = [
    "REQUIRED_USAGE_TYPES",
    "AmbiguousFailure",
    "Capability",
    "CompleteTemplates",
    "ComposedMail",
    "Composer",
    "ConfigChange",
    "ConnectorConfig",
    "ConnectorError",
    "ConnectorMetadata",
    "DeliveryReceipt",
    "EmailConnector",
    "EmailRequest",
    "EmailTemplate",
    "EndpointUrl",
    "FormConfig",
    "HeaderSecret",
    "InvalidConfig",
    "Mailbox",
    "MailboxText",
    "Mask",
    "Milliseconds",
    "PermanentFailure",
    "ProbeStep",
    "ProviderReply",
    "RateLimited",
    "RenderedEmail",
    "TemplateNotFound",
    "TemplateSet",
    "TransientFailure",
    "UsageType",
    "build_mime",
    "is_reserved_header",
    "parse_mailbox",
    "private_texts",
    "render",
    "substitute",
]
