"""The HTTP email connector, as a plugin of idp."""

from idp import hookimpl
from idp_http_email.config import HttpConfig
from idp_http_email.connector import HttpConnector

__all__ = ["HttpConfig", "HttpConnector"]


@hookimpl
def idp_register_email_connectors() -> list[type[HttpConnector]]:
    return [HttpConnector]
