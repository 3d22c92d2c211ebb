"""The checked text fields of the configuration."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from idp.connector_kit import is_reserved_header, parse_mailbox
from idp_smtp_email.settings import as_list

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 §3.6.8
_LINE_BREAKS = frozenset("\r\n\0")


def _address(text: str) -> str:
    parse_mailbox(text, display_name=False)
    return text


def host_name(name: str) -> str:
    """Check that a text is a name or an address, and nothing more."""
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
            raise ValueError("a header name must be ASCII without blanks or colons, and short")
        if is_reserved_header(name):
            raise ValueError(f"the header {name} is written by the server and cannot be set here")
        if _LINE_BREAKS & set("".join(values)):
            raise ValueError(f"the header {name} must not hold a line break")
    return headers


AddressText = Annotated[str, AfterValidator(_address)]
HostName = Annotated[str, AfterValidator(host_name)]
EhloName = Annotated[str, AfterValidator(_ehlo_name)]
CustomHeaders = Annotated[
    dict[str, Annotated[list[str], BeforeValidator(as_list)]], AfterValidator(_headers)
]
