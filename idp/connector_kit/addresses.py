"""Mail addresses: strictly one mailbox, ready for the wire.

The stdlib's parser is not used: its verdict on hostile input depends on the Python patch level.
"""

import re
from dataclasses import dataclass

import email_validator
from email_validator import EmailNotValidError, validate_email

_CONTROL = {chr(number) for number in [*range(0x20), 0x7F]}
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")

# Company networks do send mail to `.local` names; the library documents this list as adjustable.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    domain
    for domain in email_validator.SPECIAL_USE_DOMAIN_NAMES
    if domain not in {"local", "localhost"}
]


@dataclass(frozen=True)
class Mailbox:
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
    if _CONTROL & set(text):
        raise ValueError("must not contain line breaks or control characters")
    named = _NAMED.fullmatch(text.strip()) if display_name else None
    try:
        parsed = validate_email(
            named["address"] if named else text,
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        form = "`address` or `Name <address>`" if display_name else "`name@domain`"
        raise ValueError(f"must be exactly one mail address, written as {form}") from error
    address = f"{parsed.local_part}@{parsed.ascii_domain}"
    return Mailbox(address, (_unquoted(named["name"]) or None) if named else None)


def _unquoted(name: str) -> str:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
