"""Where the well-known mail providers show an inbox in the browser."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Inbox:
    """A provider's web mail."""

    name: str
    address: str


_GMAIL = Inbox("Gmail", "https://mail.google.com/mail/u/0/")
_OUTLOOK = Inbox("Outlook", "https://outlook.live.com/mail/")
_YAHOO = Inbox("Yahoo Mail", "https://mail.yahoo.com/")
_ICLOUD = Inbox("iCloud Mail", "https://www.icloud.com/mail")
_PROTON = Inbox("Proton Mail", "https://mail.proton.me/")
_GMX = Inbox("GMX", "https://www.gmx.net/")
_WEB_DE = Inbox("WEB.DE", "https://web.de/")

_BY_DOMAIN = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    "outlook.com": _OUTLOOK,
    "hotmail.com": _OUTLOOK,
    "live.com": _OUTLOOK,
    "yahoo.com": _YAHOO,
    "icloud.com": _ICLOUD,
    "me.com": _ICLOUD,
    "proton.me": _PROTON,
    "protonmail.com": _PROTON,
    "gmx.de": _GMX,
    "gmx.net": _GMX,
    "web.de": _WEB_DE,
}


def inbox_of(email: str) -> Inbox | None:
    """Return the web mail of an address's domain, if it is well known."""
    return _BY_DOMAIN.get(email.rpartition("@")[2].casefold())
