"""What can be seen of a delivery while it goes on."""

import logging
from collections.abc import Mapping

from aiosmtplib import SMTPResponse

from idp.connector_kit import ProviderReply
from idp_smtp_email.failures import Stage, provider_reply
from idp_smtp_email.masking import Mask

logger = logging.getLogger("idp_smtp_email")


class Trace:
    """Sees nothing; subclasses override what they want to see.

    With `is_lock_step` each command waits for its reply, so that each has a time of its own.
    """

    is_lock_step = False

    def entered(self, stage: Stage) -> None:
        """See a stage begin; the one before it has ended."""

    def resolved(self, addresses: list[str]) -> None:
        """See the host looked up."""

    def connected(self, address: str) -> None:
        """See which of the addresses answered."""

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
    """Writes the replies of the server into the log."""

    def __init__(self, server: str, mask: Mask) -> None:
        self._server = server
        self._mask = mask

    def replied(self, stage: Stage, reply: SMTPResponse) -> None:
        self.lost(provider_reply(stage, reply, self._mask))

    def lost(self, reply: ProviderReply) -> None:
        logger.info("%s %s %s %s", self._server, reply.stage, reply.reply_code, reply.text)
