"""Redirects that a request asks for: only ever to a page of this server."""

from urllib.parse import urlsplit

_ACCOUNT = "/account"


def local_address(asked: str) -> str:
    r"""Return the path and query of a page here, or the account page for anything else.

    Browsers read a backslash as a slash and skip control characters, so that `/\evil.example` and
    `/<tab>/evil.example` lead to another site (WHATWG URL §4.4).
    """
    is_path = asked.startswith("/") and not asked.startswith("//")
    is_plain = all("!" <= character <= "~" and character != "\\" for character in asked)
    if not (is_path and is_plain):
        return _ACCOUNT
    parts = urlsplit(asked)
    return parts._replace(fragment="").geturl() if parts.path.startswith("/") else _ACCOUNT
