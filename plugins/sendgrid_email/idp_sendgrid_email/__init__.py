"""The SendGrid email connector, as a plugin of idp."""

from idp import hookimpl
from idp_sendgrid_email.config import SendGridConfig
from idp_sendgrid_email.connector import SendGridConnector

__all__ = ["SendGridConfig", "SendGridConnector"]


@hookimpl
def idp_register_email_connectors() -> list[type[SendGridConnector]]:
    return [SendGridConnector]
