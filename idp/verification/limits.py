"""How often a code may be sent to one address, and how often somebody may guess.

What is counted belongs to a *bucket*: the keyed hash of an address, so a limit says nothing about
whether there is an account. A browser in which the address was proven before has a bucket of its
own, so that no stranger's guessing locks its person out (OWASP: "device cookies").
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar, Literal, Self

from sqlalchemy import String, bindparam, func
from sqlmodel import Session, col, select

from idp.settings import Settings
from idp.storage.statements import Rows, Statement
from idp.storage.tables import CodeSend, FailedAttempt, Verification, now
from idp.verification.problems import Problem

DAY = timedelta(days=1)

_SENDS = Rows(CodeSend)
_FAILURES = Rows(FailedAttempt)
_NEWEST_SENDS = Statement[datetime](
    select(CodeSend.sent_at)
    .where(col(CodeSend.address) == bindparam("bucket"), col(CodeSend.sent_at) > bindparam("since"))
    .order_by(col(CodeSend.sent_at).desc())
    .limit(bindparam("most"))
)
_FAILURES_SINCE = Statement[tuple[int, datetime | None]](
    select(func.count(), func.max(FailedAttempt.failed_at)).where(
        col(FailedAttempt.bucket) == bindparam("bucket"),
        col(FailedAttempt.failed_at) > bindparam("since"),
    )
)
_HOLD = Statement[None](
    select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key", type_=String), 0)))
)

LimitName = Literal["cooldown", "address", "attempts", "ip", "everybody"]


class LimitReached(Exception):
    """Somebody must wait; `retry_after` is in whole seconds, `limit` names what was used up."""

    refused: ClassVar[str]
    problem: ClassVar[Problem]

    def __init__(self, retry_after: int, limit: LimitName = "address") -> None:
        super().__init__(f"{self.refused} for {retry_after} s")
        self.retry_after = retry_after
        self.limit: LimitName = limit


class TooManySends(LimitReached):
    """No code may be sent yet."""

    refused = "no code may be sent"
    problem = Problem.TOO_MANY_SENDS


class TooManyAttempts(LimitReached):
    """No code or password of this address is compared yet."""

    refused = "no attempt may be made"
    problem = Problem.TOO_MANY_ATTEMPTS


@dataclass(frozen=True)
class Limits:
    """The numbers (NIST SP 800-63B-4 §3.2.2 asks for limits that a resend does not reset).

    None, or an empty tuple, is no limit.
    """

    attempts: int = 5
    """Codes compared in one interaction, however many were sent."""
    cooldowns: tuple[int, ...] = (30, 60, 120, 240)
    """Seconds to wait after the first send, the second, ...; the last repeats."""
    sends: tuple[tuple[int, timedelta], ...] = ((5, timedelta(minutes=15)), (20, DAY))
    """At most this many sends to one address in this time."""
    failures: int | None = 20
    """Failed attempts in one bucket and day; after that each further one has to wait."""
    waits: tuple[int, ...] = (60, 120, 240, 480, 900)
    """Seconds to wait before the first attempt too many, the second, ...; the last repeats."""
    ip_sends: int | None = 20
    """Codes one IP address (one /64 of IPv6) may ask for in an hour."""
    ip_attempts: int | None = 300
    """Passwords one IP address (one /64 of IPv6) may try in an hour, right or wrong."""
    all_sends: int | None = 10_000
    """Codes everybody together may ask for in an hour."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits of a deployment."""
        return cls(ip_sends=settings.codes_per_ip_hour, all_sends=settings.codes_per_hour)

    @classmethod
    def lifted(cls) -> Self:
        """Return limits for load tests on loopback: only guessing in one flow stays limited."""
        everything = cls(cooldowns=(), sends=(), failures=None)
        return replace(everything, ip_sends=None, ip_attempts=None, all_sends=None)

    def resend_in(self, verification: Verification, moment: datetime) -> int:
        """Return the seconds until another code may be sent in the same flow."""
        if not self.cooldowns or not verification.sends:
            return 0
        cooldown = self.cooldowns[min(verification.sends, len(self.cooldowns)) - 1]
        return _seconds_until(verification.sent_at + timedelta(seconds=cooldown), moment)

    def wait_after(self, failures: int) -> timedelta:
        """Return how long after the last failure in a bucket the next attempt may come."""
        if self.failures is None or failures < self.failures:
            return timedelta()
        wait = self.waits[min(failures - self.failures, len(self.waits) - 1)]
        return timedelta(seconds=wait)


def count_send(session: Session, bucket: str, limits: Limits) -> None:
    """Count a send against its bucket; raises TooManySends when one limit is used up."""
    _hold(session, f"send {bucket}")
    most = max((count for count, _ in limits.sends), default=0)
    longest = max((window for _, window in limits.sends), default=DAY)
    newest = _NEWEST_SENDS.all(session, bucket=bucket, since=now() - longest, most=most)
    moment = now()
    for count, window in limits.sends:
        if len(newest) >= count and newest[count - 1] > moment - window:
            raise TooManySends(_seconds_until(newest[count - 1] + window, moment))
    _SENDS.insert(session, address=bucket)


def count_attempt(session: Session, bucket: str, limits: Limits) -> FailedAttempt:
    """Count an attempt as failed before it is compared; see `uncount_attempt`.

    Raises TooManyAttempts while the back-off runs.
    """
    check_back_off(session, bucket, limits)
    return count_failure(session, bucket)


def check_back_off(session: Session, bucket: str, limits: Limits) -> None:
    """Let one attempt at a time pass; raises TooManyAttempts while the back-off runs."""
    _hold(session, f"attempt {bucket}")
    failures, last = _FAILURES_SINCE.first(session, bucket=bucket, since=now() - DAY) or (0, None)
    # Only now is the moment in which this attempt had its turn.
    wait = _seconds_until(last + limits.wait_after(failures), now()) if last else 0
    if wait:
        raise TooManyAttempts(wait, "attempts")


def count_failure(session: Session, bucket: str) -> FailedAttempt:
    """Count a failed attempt."""
    return _FAILURES.insert(session, bucket=bucket)


def uncount_attempt(session: Session, attempt_id: str) -> None:
    """Take back an attempt that turned out right, or was not compared after all."""
    _FAILURES.delete(session, id=attempt_id)


def _seconds_until(ready_at: datetime, moment: datetime) -> int:
    return max(0, ceil((ready_at - moment).total_seconds()))


def _hold(session: Session, key: str) -> None:
    """Let nobody else count in the same bucket until this transaction ends.

    SQLite needs no lock: it refuses to write on top of what another has changed since the read.
    """
    if session.get_bind().dialect.name == "postgresql":
        _HOLD.send(session, key=key)
