"""What an HTTP server answered, read as far as all providers agree on its meaning."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from idp.connector_kit.errors import ProviderReply, RateLimited, TransientFailure
from idp.connector_kit.http.trace import HttpStage

_COME_BACK = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
_FURTHEST = 86_400.0  # seconds; who names a later moment is not understood


@dataclass(frozen=True)
class HttpAnswer:
    """What came back; a body is cut at 64 KiB, and shorter if the rest was lost on the way."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """Tell whether the mail was taken: any 2xx says so (RFC 9110 §15.3)."""
        return 200 <= self.status < 300

    def json_object(self) -> Mapping[str, Any]:
        """Return the body as a JSON object, empty if it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def retry_after(self) -> float | None:
        """Return the seconds asked for in Retry-After (RFC 9110 §10.2.3), if it is understood."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdecimal():
            return _within_a_day(float(value[:9]))
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        return seconds_until(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def as_reply(self, words: str) -> ProviderReply:
        """Return the answer as the failure carries it; `words` are masked already."""
        text = f"HTTP {self.status} {words}".strip()
        return ProviderReply(text=text, reply_code=self.status, stage=HttpStage.ANSWER)

    def postponement(
        self, reply: ProviderReply, *, retry_after: float | None = None
    ) -> TransientFailure | None:
        """Return the failure if the answer means that it may work later, else None.

        That are 408, 425 and all 5xx, and 429, which is RateLimited.
        """
        seconds = self.retry_after()
        wish = retry_after if seconds is None else seconds
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            message = "The server asks to slow down."
            return RateLimited(message, retry_after=wish, reply=reply)
        if self.status in _COME_BACK or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            message = f"The server cannot take this mail now (HTTP {self.status})."
            return TransientFailure(message, retry_after=wish, reply=reply)
        return None


def seconds_until(moment: datetime) -> float | None:
    """Return how long to wait; 0 for a moment that has passed, None for one too far away."""
    return _within_a_day(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def _within_a_day(seconds: float) -> float | None:
    """Return the seconds unless they are more than a day."""
    return seconds if seconds <= _FURTHEST else None
