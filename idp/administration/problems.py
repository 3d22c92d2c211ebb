"""Why something an administrator asked for is not done, for the console and the API alike."""

from collections.abc import Mapping
from typing import ClassVar


class Problem(Exception):
    """One sentence for an administrator, and the `code` by which a program knows it.

    Codes are Logto's where Logto knows the problem. Neither ever holds a secret or somebody's code.
    """

    status_code: ClassVar[int] = 400
    """How HTTP says it."""

    def __init__(
        self, code: str, message: str, *, data: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Invalid(Problem):
    """What was sent cannot be right; `data` may name the fields."""


class NotFound(Problem):
    """There is nothing with this id."""

    status_code = 404

    def __init__(self, what: str, wanted: str) -> None:
        super().__init__("entity.not_found", f"There is no {what} {wanted}.")


class Stale(Problem):
    """Somebody else changed it meanwhile."""

    status_code = 412


class Refused(Problem):
    """Well said, but not possible as things are."""

    status_code = 422


class TooOften(Problem):
    """A limit is reached; `retry_after` is in seconds."""

    status_code = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "request.message_rate_limited",
            f"There were too many requests; try again in {retry_after} s.",
            data={"retryAfter": retry_after},
        )
        self.retry_after = retry_after
