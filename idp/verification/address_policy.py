"""Which addresses may get an account; those that have one are never refused by it."""

import re
from collections.abc import Iterable, Sequence

from idp.plugins import Plugins
from idp.settings import Settings
from idp.verification.problems import Problem

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
"""Where dots before the @ mean nothing."""


class AddressPolicy:
    """The allowlist, the blocklist and the plugins of a deployment.

    What is public may change while the server runs.
    """

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self.blocked: Sequence[str] = settings.blocked_addresses
        self.allows_subaddressing = settings.allow_subaddressing
        self._allowed = settings.allowed_addresses
        self._plugins = plugins

    def problem_with(self, email_key: str) -> Problem | None:
        """Return why this normalised address gets no account, or None."""
        if not self.allows_subaddressing and "+" in email_key.rpartition("@")[0]:
            return Problem.SUBADDRESSING_NOT_ALLOWED
        if self._allowed and not _is_listed(email_key, self._allowed):
            return Problem.EMAIL_NOT_ALLOWED
        if _is_listed(email_key, self.blocked) or self._is_refused_by_plugin(email_key):
            return Problem.EMAIL_NOT_ALLOWED
        return None

    def _is_refused_by_plugin(self, email_key: str) -> bool:
        return any(self._plugins.ask("idp_refuse_address", bool, email=email_key))


def _is_listed(email_key: str, patterns: Iterable[str]) -> bool:
    mailbox = _mailbox(email_key)
    return any(_matches(pattern.casefold(), mailbox) for pattern in patterns)


def _matches(pattern: str, mailbox: str) -> bool:
    whole = f"*{pattern}" if pattern.startswith("@") else _mailbox(pattern)
    return re.fullmatch(".*".join(map(re.escape, whole.split("*"))), mailbox) is not None


def _mailbox(email: str) -> str:
    """Return the mailbox an address reaches: no `+tag`, and no dots where they mean nothing."""
    local, at, domain = email.rpartition("@")
    local = local.partition("+")[0]
    return (local.replace(".", "") if domain in _DOTLESS else local) + at + domain
