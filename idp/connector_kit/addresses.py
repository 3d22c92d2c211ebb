"""Mail addresses: strictly one mailbox, ready for the wire.

The stdlib's parser is not used: its verdict on hostile input depends on the Python patch level.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import email_validator
from email_validator import EmailNotValidError, validate_email

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# The library takes all of these as they are; for the rest it is asked, which costs 20 us.
_USUAL = re.compile(r"(?=.{1,64}@)([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@([A-Za-z0-9.-]{1,180})")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")

# Company networks do send mail to `.local` names; the library documents this list as adjustable.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    domain
    for domain in email_validator.SPECIAL_USE_DOMAIN_NAMES
    if domain not in {"local", "localhost"}
]


class Mailbox(NamedTuple):
    """One address with an optional display name (RFC 5322 §3.4).

    `address` has its domain as A-labels (RFC 5890); only the part before the @ may hold more than
    ASCII.
    """

    address: str
    display_name: str | None = None

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether only a server with SMTPUTF8 (RFC 6531) can take this address."""
        return not self.address.isascii()

    @property
    def domain(self) -> str:
        """Return the part after the @."""
        return self.address.rpartition("@")[2]


def parse_mailbox(text: str, *, display_name: bool = True) -> Mailbox:
    """Read `addr` or `Name <addr>`; anything but exactly one mailbox raises ValueError.

    The error never repeats the text. With `display_name=False` only a bare address is taken.
    """
    if _CONTROL.search(text):
        raise ValueError("must not contain line breaks or control characters")
    named = _NAMED.fullmatch(text.strip()) if display_name else None
    try:
        address = _address(named["address"] if named else text)
    except EmailNotValidError as error:
        form = "`address` or `Name <address>`" if display_name else "`name@domain`"
        raise ValueError(f"must be exactly one mail address, written as {form}") from error
    return Mailbox(address, (_unquoted(named["name"]) or None) if named else None)


def _address(text: str) -> str:
    usual = _USUAL.fullmatch(text)
    return f"{usual[1]}@{_domain(usual[2])}" if usual else _validated(text)


@lru_cache(maxsize=4096)
def _domain(name: str) -> str:
    return _validated(f"a@{name}")[2:]


def _validated(text: str) -> str:
    parsed = validate_email(
        text, check_deliverability=False, globally_deliverable=False, test_environment=True
    )
    return f"{parsed.local_part}@{parsed.ascii_domain}"


def _unquoted(name: str) -> str:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
