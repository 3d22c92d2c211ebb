"""When a mail is tried again, decided from values alone."""

from datetime import datetime, timedelta

from idp.connector_kit import UsageType

BACK_OFF = (1, 2, 5, 15, 30, 60)
"""Seconds before the next attempt; the last repeats."""

SEND_TIMEOUT = timedelta(seconds=10)
"""How long one attempt may take, over all connectors."""

LEASE = timedelta(seconds=20)
"""How long a claim protects a message from other couriers; longer than any attempt."""


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
    due_at = moment + timedelta(seconds=max(pause, retry_after or 0))
    return due_at if due_at < deadline else None


def may_repeat(usage_type: UsageType) -> bool:
    """Tell whether a mail that was perhaps sent may be sent again: a code does no harm twice."""
    return usage_type is not UsageType.ORGANIZATION_INVITATION
