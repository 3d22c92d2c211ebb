"""The SMTP email connector, as a plugin of idp."""

from idp import hookimpl
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connector import SmtpConnector

__all__ = ["SmtpConfig", "SmtpConnector"]


@hookimpl
def idp_register_email_connectors() -> list[type[SmtpConnector]]:
    return [SmtpConnector]
