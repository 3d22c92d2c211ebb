"""How often a code may be sent to one address and tried in one flow."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlmodel import Session, col, select

from idp.storage.tables import CodeSend, Verification, now


class TooManySends(Exception):
    """No code may be sent yet; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"no code may be sent for {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Limits:
    """The numbers (NIST SP 800-63B-4 §3.2.2 asks for limits that a resend does not reset)."""

    attempts: int = 5
    cooldowns: tuple[int, ...] = (30, 60, 120, 240)
    """Seconds to wait after the first send, the second, ...; the last repeats."""
    sends: tuple[tuple[int, timedelta], ...] = (
        (5, timedelta(minutes=15)),
        (20, timedelta(days=1)),
    )
    """At most this many sends to one address in this time."""

    @classmethod
    def lifted(cls) -> "Limits":
        """Return limits for load tests on loopback: codes may be sent without end."""
        return cls(cooldowns=(), sends=())

    def resend_in(self, verification: Verification, moment: datetime) -> int:
        """Return the seconds until another code may be sent in the same flow."""
        if not self.cooldowns or not verification.sends:
            return 0
        cooldown = self.cooldowns[min(verification.sends, len(self.cooldowns)) - 1]
        ready_at = verification.sent_at + timedelta(seconds=cooldown)
        return max(0, ceil((ready_at - moment).total_seconds()))


def count_send(session: Session, address: str, limits: Limits) -> None:
    """Count a send against its address; raises TooManySends when one limit is used up.

    The counter knows only a keyed hash of the address, so it says nothing about accounts.
    """
    moment = now()
    for count, window in limits.sends:
        statement = (
            select(CodeSend.sent_at)
            .where(col(CodeSend.address) == address, col(CodeSend.sent_at) > moment - window)
            .order_by(col(CodeSend.sent_at).desc())
            .offset(count - 1)
            .limit(1)
        )
        oldest = session.exec(statement).first()
        if oldest is not None:
            raise TooManySends(ceil((oldest + window - moment).total_seconds()))
    session.add(CodeSend(address=address))
