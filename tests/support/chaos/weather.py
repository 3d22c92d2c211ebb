"""What a mail server does to each mail, drawn from a seed alone."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Mood(StrEnum):
    """What a mail server is like in general."""

    GOOD = "good"
    CHANGEABLE = "changeable"
    """It meets each mail with a fate of its own."""
    STORMY = "stormy"
    """The same, and it goes away at times."""
    SILENT = "silent"
    """It takes connections and never says a word."""
    REFUSING = "refusing"
    """It greets everybody with a refusal."""


class Fate(StrEnum):
    """What becomes of one attempt to hand a mail over."""

    TAKE = "take"
    SLOW = "take slowly"
    GREYLIST = "451 to the recipient"
    BUSY = "451 after the final dot"
    REFUSE = "550 to the recipient"
    TAKE_AND_DROP = "take, then drop the connection after the final dot"
    DROP = "drop the connection after the final dot, without the mail"
    TAKE_AND_HANG = "take, and never say so"


_BAD = {
    Fate.SLOW: 0.10,
    Fate.GREYLIST: 0.12,
    Fate.BUSY: 0.05,
    Fate.TAKE_AND_DROP: 0.06,
    Fate.DROP: 0.06,
    Fate.TAKE_AND_HANG: 0.01,
}
_REFUSED = 0.04
_PATIENCE = 2
"""So often one mail is treated badly by one server, so that the end of a run is in sight."""


@dataclass(frozen=True)
class Weather:
    """The moods of one server."""

    seed: str

    def fate(self, recipient: str, attempt: int) -> Fate:
        """Return what happens to the attempt with this number, counted from 0."""
        if self._draw("exists", recipient) < _REFUSED:
            return Fate.REFUSE
        if attempt >= _PATIENCE:
            return Fate.TAKE
        lot = self._draw("fate", recipient, attempt)
        for fate, share in _BAD.items():
            lot -= share
            if lot < 0:
                return fate
        return Fate.TAKE

    def slowness(self, recipient: str) -> float:
        """Return how many seconds a slow answer takes."""
        return 0.2 + 1.5 * self._draw("slowness", recipient)

    def outages(self) -> random.Random:
        """Return the source of the times at which the server goes away."""
        return random.Random(f"{self.seed} outages")

    def _draw(self, *of: object) -> float:
        return random.Random(f"{self.seed} {of}").random()
