"""One message over an open connection (RFC 5321 §3.3, RFC 2920, RFC 3030)."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from aiosmtplib import SMTPResponse, SMTPServerDisconnected

from idp.connector_kit import ConnectorError, Mask, PermanentFailure, ProviderReply
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connection import Connection, Conversation, Exchange
from idp_smtp_email.failures import Stage, breakdown, provider_reply, refusal
from idp_smtp_email.trace import Trace

# A connection that rested this long may have died unnoticed: the body waits for a sign of life.
_RESTED = 5.0
_LONGEST_RESET = 5.0

_Step = tuple[Stage, bytes]
_Replies = list[SMTPResponse]


@dataclass(kw_only=True, slots=True)
class Envelope:
    """A message, and who it is from and to (RFC 5321 §2.3.1)."""

    sender: str
    recipient: str = field(repr=False)
    message: bytes = field(repr=False)
    has_leading_dots: bool
    needs_smtputf8: bool


@dataclass(kw_only=True, slots=True)
class Delivery:
    """An envelope under way: when to give up (loop time), what to hide, and who watches."""

    envelope: Envelope
    expires_at: float
    mask: Mask
    trace: Trace


class _Refused(Exception):
    """A reply that ends the transaction, and the last one to the same write."""

    def __init__(self, stage: Stage, reply: SMTPResponse, last: SMTPResponse) -> None:
        super().__init__()
        self.stage = stage
        self.reply = reply
        self.last = last

    @property
    def is_clear(self) -> bool:
        """Tell whether the reply is a refusal as the RFC knows it."""
        return self.reply.code // 100 in {4, 5}


class Transaction:
    """Hands over one message in as few round trips as the server allows."""

    def __init__(self, connection: Connection, delivery: Delivery, config: SmtpConfig) -> None:
        self._connection = connection
        self._delivery = delivery
        self._config = config

    def run(self) -> Conversation:
        """Return the server's last reply, or raise ConnectorError.

        The connection is idle afterwards, or broken.
        """
        mail = self._mail()
        self._connection.begin()
        try:
            reply = yield from self._hand_over(mail)
        except _Refused as refused:
            yield from self._clear_up(refused)
            seen = provider_reply(refused.stage, refused.reply, self._delivery.mask)
            raise refusal(refused.stage, seen, self._config) from None
        self._connection.end()
        return reply

    def _hand_over(self, mail: _Step) -> Conversation:
        message = self._delivery.envelope.message
        rcpt = Stage.RCPT, f"RCPT TO:<{self._delivery.envelope.recipient}>\r\n".encode()
        data = Stage.DATA, b"DATA\r\n"
        is_pipelined = self._offers("pipelining") and not self._delivery.trace.is_lock_step
        if is_pipelined and self._offers("chunking") and not self._is_rested():
            chunk = b"BDAT %d LAST\r\n%b" % (len(message), message)
            together = (mail, rcpt, (Stage.MESSAGE, chunk))
            self._connection.body_sent = True
            return self._last_of(together, (yield self._written(together)))
        for steps in [(mail, rcpt, data)] if is_pipelined else [(mail,), (rcpt,), (data,)]:
            self._last_of(steps, (yield self._written(steps)))
        self._connection.body_sent = self._connection.loss is None
        last = ((Stage.MESSAGE, _transparent(self._delivery.envelope)),)
        return self._last_of(last, (yield self._written(last)))

    def _written(self, steps: Sequence[_Step]) -> Exchange:
        """Put steps into one write, in front of who watches."""
        trace = self._delivery.trace
        if not trace.is_blind:
            trace.entered(steps[0][0])
            for stage, command in steps:
                if stage is not Stage.MESSAGE:
                    trace.said(command)
        octets = b"".join([octets for _, octets in steps])
        return octets, len(steps), self._due(self._config.socket_timeout / 1000)

    def _last_of(self, steps: Sequence[_Step], replies: _Replies) -> SMTPResponse:
        """Return the last reply if all are as they should be."""
        trace = self._delivery.trace
        for (stage, _), reply in zip(steps, replies, strict=False):
            if not trace.is_blind:
                trace.replied(stage, reply)
            if reply.code // 100 != (3 if stage is Stage.DATA else 2):
                raise self._refused(stage, reply, replies[-1])
        if len(replies) < len(steps):
            raise self._lost(steps[len(replies)][0])
        return replies[-1]

    def _refused(self, stage: Stage, reply: SMTPResponse, last: SMTPResponse) -> _Refused:
        refused = _Refused(stage, reply, last)
        if self._connection.body_sent and not refused.is_clear:
            refused.stage = Stage.MESSAGE
        return refused

    def _lost(self, stage: Stage) -> ConnectorError:
        # The server may have taken the message with the replies still on their way.
        stage = Stage.MESSAGE if self._connection.body_sent else stage
        loss = self._connection.loss or SMTPServerDisconnected("The connection was lost")
        failure = breakdown(stage, loss, self._config, self._delivery.mask)
        self._delivery.trace.lost(failure.reply)
        return failure

    def _clear_up(self, refused: _Refused) -> Generator[Exchange, _Replies, None]:
        """Bring the connection back to rest, or drop it when the server's state is unclear."""
        seconds = min(_LONGEST_RESET, self._config.socket_timeout / 1000)
        is_early = refused.stage in {Stage.MAIL, Stage.RCPT}
        if refused.stage is Stage.RCPT and refused.last.code == 354:
            # RFC 2920 §3.1: the server waits for a message to nobody; it gets an empty one.
            yield b".\r\n", 1, self._due(seconds)
        elif not refused.is_clear or (is_early and refused.last.code // 100 in {2, 3}):
            self._connection.abort()
        replies = yield b"RSET\r\n", 1, self._due(seconds)
        if replies and replies[0].code // 100 == 2:
            self._connection.end()
        else:
            self._connection.abort()

    def _mail(self) -> _Step:
        envelope = self._delivery.envelope
        parameters = ""
        if (limit := self._connection.extensions.get("size")) is not None:
            self._check_size(limit)
            parameters = f" SIZE={len(envelope.message)}"
        if envelope.needs_smtputf8:
            if not self._offers("smtputf8"):
                message = "The server cannot send to or from an address that is not ASCII."
                raise _impossible(message, "smtputf8_unsupported")
            parameters += " SMTPUTF8"
        return Stage.MAIL, f"MAIL FROM:<{envelope.sender}>{parameters}\r\n".encode()

    def _check_size(self, limit: str) -> None:
        # RFC 1870 §4: no number, or zero, means that no fixed limit is known.
        if limit.isdecimal() and 0 < int(limit) < len(self._delivery.envelope.message):
            raise _impossible("The message is larger than the server takes.", "message_too_large")

    def _offers(self, extension: str) -> bool:
        return extension in self._connection.extensions

    def _is_rested(self) -> bool:
        is_reused = self._connection.transactions > 1
        return is_reused and self._connection.time() - self._connection.idle_since > _RESTED

    def _due(self, seconds: float) -> float:
        return min(self._connection.time() + seconds, self._delivery.expires_at)


def _impossible(message: str, reason: str) -> PermanentFailure:
    return PermanentFailure(message, reason=reason, reply=ProviderReply(stage=Stage.MAIL))


def _transparent(envelope: Envelope) -> bytes:
    """Double leading dots and add the final one (RFC 5321 §4.5.2); headers come first, no dot."""
    message = envelope.message
    if envelope.has_leading_dots:
        message = message.replace(b"\r\n.", b"\r\n..")
    return message + b".\r\n"
