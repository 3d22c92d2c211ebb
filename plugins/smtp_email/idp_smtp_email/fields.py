"""The checked text fields of the configuration."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from idp.connector_kit import is_reserved_header, parse_mailbox
from idp_smtp_email.settings import as_list

_HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_LINE_BREAKS = frozenset("\r\n\0")


def _mailbox(text: str) -> str:
    parse_mailbox(text)
    return text


def _address(text: str) -> str:
    parse_mailbox(text, display_name=False)
    return text


def _host(name: str) -> str:
    try:
        ip_address(name)
    except ValueError:
        if not re.fullmatch(r"[\w.-]+", name) or not _is_domain_name(name):
            message = "must be a host name or an IP address, without protocol and port"
            raise ValueError(message) from None
    return name


def _is_domain_name(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _ehlo_name(name: str) -> str:
    if not re.fullmatch(r"[!-;=?-~]+", name):
        raise ValueError("must be ASCII without blanks or <>, such as mail.example.com")
    return name


def _headers(headers: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    for name, values in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header name must be ASCII without blanks or colons")
        if is_reserved_header(name):
            raise ValueError(f"the header {name} is written by the server and cannot be set here")
        if _LINE_BREAKS & set("".join(values)):
            raise ValueError(f"the header {name} must not hold a line break")
    return headers


def _proxy_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"socks5", "http"} or not parts.hostname:
        raise ValueError("must be a socks5:// or http:// URL")
    return url


MailboxText = Annotated[str, AfterValidator(_mailbox)]
AddressText = Annotated[str, AfterValidator(_address)]
HostName = Annotated[str, AfterValidator(_host)]
EhloName = Annotated[str, AfterValidator(_ehlo_name)]
ProxyUrl = Annotated[str, AfterValidator(_proxy_url)]
CustomHeaders = Annotated[
    dict[str, Annotated[list[str], BeforeValidator(as_list)]], AfterValidator(_headers)
]
