"""The forms in which a password travels, for the mask that takes them out of every reply."""

import base64


def spellings(user: str, password: str) -> list[str]:
    """List the forms in which a password travels (RFC 4616, and the LOGIN mechanism)."""
    plain = f"\0{user}\0{password}"
    return [password, *(base64.b64encode(text.encode()).decode() for text in (plain, password))]
