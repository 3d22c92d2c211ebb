"""What can be seen of a delivery while it goes on."""

import logging
from collections.abc import Mapping, Sequence

from aiosmtplib import SMTPResponse

from idp.connector_kit import Mask, ProviderReply
from idp_smtp_email.failures import Stage

logger = logging.getLogger("idp_smtp_email")


class Trace:
    """Sees nothing; subclasses override what they want to see.

    With `is_lock_step` each command waits for its reply, so that each has a time of its own.
    """

    is_blind = False
    """Whether there is no use in showing it anything."""
    is_lock_step = False
    lines: Sequence[str] = ()
    """What was written down, one line for each thing said."""

    def entered(self, stage: Stage) -> None:
        """See a stage begin; the one before it has ended."""

    def resolved(self, addresses: list[str]) -> None:
        """See the host looked up."""

    def connected(self, address: str) -> None:
        """See which of the addresses answered."""

    def said(self, command: bytes) -> None:
        """See a command go out; the message itself is never shown."""

    def replied(self, stage: Stage, reply: SMTPResponse) -> None:
        """See an answer, favourable or not."""

    def lost(self, reply: ProviderReply) -> None:
        """See contact lost; `reply` holds the stage and the masked reason."""

    def secured(self, facts: Mapping[str, object]) -> None:
        """See TLS come up: `version`, `cipher`, and `certificate` as DER."""

    def greeted(self, extensions: Mapping[str, str]) -> None:
        """See EHLO answered with the extensions the server offers now."""

    def logged_in(self, mechanism: str) -> None:
        """See the login accepted."""


class LoggedTrace(Trace):
    """Writes the dialogue into the log, and keeps it, without what is private in it."""

    def __init__(self, server: str, mask: Mask) -> None:
        self.lines: list[str] = []
        self._server = server
        self._mask = mask

    def said(self, command: bytes) -> None:
        self._write(f"C: {self._mask(command.decode(errors='replace'))}")

    def replied(self, stage: Stage, reply: SMTPResponse) -> None:
        self._write(f"S: {reply.code} {self._mask(reply.message)} ({stage})")

    def lost(self, reply: ProviderReply) -> None:
        self._write(f"-- {reply.text} ({reply.stage})")

    def _write(self, line: str) -> None:
        self.lines.append(line)
        logger.info("%s %s", self._server, line)


class NoTrace(Trace):
    """Sees nothing."""

    is_blind = True
