"""The `pool` key: how many connections, and how many mails in how much time."""

from collections import deque
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from idp.connector_kit import FormConfig

Positive = Annotated[int, Field(gt=0)]


class TokenBucket:
    """Gives out tokens; each comes back a fixed time after the moment it was good for.

    So no stretch of that time ever sees more mails than there are tokens.
    """

    def __init__(self, tokens: int, seconds: float) -> None:
        self._seconds = seconds
        self._back_at = deque([0.0] * tokens)

    def next_at(self, now: float) -> float:
        """Return when the next token is good, without taking it."""
        return max(now, self._back_at[0])

    def take(self, now: float) -> float:
        """Take the next token and return the time from which it is good."""
        good_at = self.next_at(now)
        self._back_at.popleft()
        self._back_at.append(good_at + self._seconds)
        return good_at


class PoolOptions(FormConfig):
    """How connections are kept and shared."""

    max_connections: Positive = 5
    """Connections open at the same time."""
    max_messages: Positive = 100
    """Mails over one connection before it is closed."""
    idle_timeout: Positive = 120_000
    """Time an unused connection stays open, in milliseconds."""
    rate_limit: Annotated[Positive, Field(le=1_000_000)] | None = None
    """Most mails in `rateDelta`."""
    rate_delta: Positive | None = Field(default=None, validate_default=True)
    """The time `rateLimit` counts for, in milliseconds; 1000 when absent."""

    @field_validator("rate_delta")
    @classmethod
    def _of_a_rate(cls, rate_delta: int | None, info: ValidationInfo) -> int | None:
        if rate_delta is not None and info.data.get("rate_limit", 0) is None:
            raise ValueError("has a meaning only together with rateLimit")
        return rate_delta

    def bucket(self) -> TokenBucket | None:
        """Return the bucket that keeps to the rate, if there is one."""
        if self.rate_limit is None:
            return None
        return TokenBucket(self.rate_limit, (self.rate_delta or 1000) / 1000)
