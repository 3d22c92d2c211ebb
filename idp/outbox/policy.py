"""When a mail is tried again, decided from values alone."""

from datetime import datetime, timedelta

from idp.connector_kit import UsageType

BACK_OFF = (1, 2, 5, 15, 30, 60)
"""Seconds before the next attempt; the last repeats."""

SEND_TIMEOUT = timedelta(seconds=10)
"""How long one connector may take over one attempt."""

LEASE = timedelta(seconds=20)
"""How long a claim protects a message from other couriers; no send outlasts it."""


def next_attempt(
    attempts: int,
    moment: datetime,
    deadline: datetime,
    *,
    jitter: float,
    retry_after: float | None = None,
) -> datetime | None:
    """Return when to try again, or None when that would be past the deadline.

    `attempts` counts those made, `jitter` lies between -0.2 and 0.2, `retry_after` is the
    provider's wish in seconds.
    """
    pause = BACK_OFF[min(attempts, len(BACK_OFF)) - 1] * (1 + jitter)
    seconds = max(pause, retry_after or 0)
    if seconds >= (deadline - moment).total_seconds():
        return None
    return moment + timedelta(seconds=seconds)


def may_start(moment: datetime, deadline: datetime, lease_end: datetime) -> bool:
    """Tell whether a connector may be tried: not past the deadline, and done within the lease."""
    return moment < deadline and moment + SEND_TIMEOUT <= lease_end


def may_repeat(usage_type: UsageType) -> bool:
    """Tell whether a mail that was perhaps sent may be sent again: a code does no harm twice."""
    return usage_type is not UsageType.ORGANIZATION_INVITATION
