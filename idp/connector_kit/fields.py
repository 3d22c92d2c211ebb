"""Checked fields that the settings of many connectors have in common."""

import re
from ipaddress import ip_address
from typing import Annotated, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from idp.connector_kit.addresses import parse_mailbox
from idp.connector_kit.templates import EmailTemplate, TemplateSet

_TemplateT = TypeVar("_TemplateT", bound=EmailTemplate)
_NOT_IN_A_URL = re.compile(r"[^!-~]")


def _mailbox(text: str) -> str:
    parse_mailbox(text)
    return text


def _complete(templates: list[_TemplateT]) -> list[_TemplateT]:
    if missing := TemplateSet(templates).missing():
        raise ValueError(f"must also hold a template for {', '.join(missing)}")
    return templates


def _header_value(secret: SecretStr) -> SecretStr:
    stripped = secret.get_secret_value().strip()
    if not stripped:
        raise ValueError("is required")
    if re.search(r"[^ -~]", stripped):
        raise ValueError("must be ASCII on one line")
    return SecretStr(stripped)


def _endpoint_url(text: str) -> str:
    text = text.strip()
    try:
        url = urlsplit(text)
        has_host = bool(url.hostname and url.port != 0)
    except ValueError:
        has_host = False
    if not has_host or _NOT_IN_A_URL.search(text):
        raise ValueError("must be a whole address such as https://mail.example.com/send")
    if url.scheme != "https" and not _is_loopback(url):
        raise ValueError("must start with https://; only this machine itself may be http://")
    if url.username is not None or url.fragment:
        raise ValueError("must hold neither a user name nor a #")
    return text


def _is_loopback(url: SplitResult) -> bool:
    host = url.hostname or ""
    try:
        return url.scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return url.scheme == "http" and host == "localhost"


MailboxText = Annotated[str, AfterValidator(_mailbox)]
"""Exactly one mailbox, as `address` or `Name <address>`."""

CompleteTemplates = Annotated[list[_TemplateT], AfterValidator(_complete)]
"""A connector's own templates; the required usage types must be among them."""

HeaderSecret = Annotated[SecretStr, AfterValidator(_header_value)]
"""A secret that travels in an HTTP header."""

EndpointUrl = Annotated[str, AfterValidator(_endpoint_url)]
"""An https address, or http on this machine; without a user name, which logs would show."""

Milliseconds = Annotated[int, Field(gt=0)]
