"""The configuration of the SendGrid connector: Logto's keys, and three more."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field

from idp.connector_kit import (
    CompleteTemplates,
    EmailTemplate,
    EndpointUrl,
    FormConfig,
    HeaderSecret,
    MailboxText,
    Milliseconds,
)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain line breaks or control characters")
    return text


class SendGridTemplate(EmailTemplate):
    """A template in which `contentType` may be called `type`, as in Logto's SendGrid connector."""

    content_type: Literal["text/plain", "text/html"] = Field(
        default="text/html", validation_alias=AliasChoices("contentType", "type")
    )


class SendGridConfig(FormConfig):
    """Settings of one SendGrid account; one of Logto's SendGrid connector fits unchanged."""

    api_key: HeaderSecret
    """An API key with the permission Mail Send."""
    from_email: MailboxText
    """The sender, verified with SendGrid."""
    from_name: Annotated[str, AfterValidator(_one_line)] | None = None
    """The name people see beside the sender's address."""
    reply_to: MailboxText | None = None
    """Where answers go, as `address` or `Name <address>`."""
    templates: CompleteTemplates[SendGridTemplate]
    """The wording, one template per usage type."""
    base_url: Annotated[EndpointUrl, AfterValidator(lambda url: url.rstrip("/"))] = (
        "https://api.sendgrid.com"
    )
    """Where SendGrid answers; `https://api.eu.sendgrid.com` for a subuser in the EU."""
    timeout: Milliseconds = 8_000
    """Time for one mail, from the connection to SendGrid's answer, in milliseconds."""
