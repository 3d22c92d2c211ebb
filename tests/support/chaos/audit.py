"""Compare what was promised, what the rows say and what mail servers took: nothing else counts."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chaos.records import TOLD, Asked, Taken
from idp.connector_kit import UsageType
from idp.outbox import policy
from idp.storage.tables import MessageState

ENDS = frozenset(MessageState) - {MessageState.PROMISED, MessageState.SENDING}
ON_THE_WIRE = timedelta(seconds=0.25)
"""How long a final dot may be under way between two busy processes of one machine."""

_UNREAD = 1.0
"""Seconds a busy mail server may take to read what a process wrote before it was killed."""

_SENT_OR_EXPLAINED = {MessageState.SENT, MessageState.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A promised mail as the database has it, with the recipient unsealed."""

    id: str
    recipient: str
    usage_type: UsageType
    state: MessageState
    deadline: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    claims: int = 0
    """How often somebody set out to send it."""
    outcomes: Sequence[tuple[int, str]] = ()
    """Number of the claim and outcome, of every recorded attempt."""

    def lost_replies(self, deliveries: Sequence[Taken]) -> int:
        """Count the times the connection was lost after the final dot."""
        seen_here = sum(outcome == "AmbiguousFailure" for _, outcome in self.outcomes)
        return max(seen_here, sum(each.told != TOLD for each in deliveries))

    @property
    def silent_claims(self) -> int:
        """Count the claims that never said how they ended."""
        return len(set(range(1, self.claims + 1)) - {number for number, _ in self.outcomes})


@dataclass
class Audit:
    """The count, and a sentence for each thing that should not have happened."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    longest_overdue: timedelta = timedelta()
    """The longest a mail stayed without an end after its deadline."""

    def find(self, kind: str, sentence: str) -> None:
        self.counts[kind] += 1
        self.findings.append(f"{kind}: {sentence}")

    def excuse(self, kind: str, row: Row, excuse: str | None) -> None:
        """Count what nobody could have known better; without an excuse it is a finding."""
        if excuse is None:
            self.find(kind, f"{row.id} ({row.usage_type}) {list(row.outcomes)}")
        else:
            self.counts[kind] += 1
            self.counts[f"{kind}: {excuse}"] += 1


def audit(
    asked: Iterable[Asked],
    rows: Iterable[Row],
    taken: Iterable[Taken],
    strikes: Sequence[float],
    patience: timedelta,
) -> Audit:
    """Count what became of everything.

    `strikes` are the times, in seconds since 1970, at which a process was killed or the database
    went or came back; `patience` is how long after its deadline a mail may stay without an end.
    """
    result = Audit()
    by_id = {row.id: row for row in rows}
    deliveries: dict[str, list[Taken]] = defaultdict(list)
    for each in sorted(taken, key=lambda each: each.at):
        deliveries[each.message_id].append(each)
    _check_promises(result, asked, by_id.values())
    for row in by_id.values():
        _check_end(result, row, deliveries[row.id], patience)
        _check_deliveries(result, row, deliveries[row.id], strikes)
    for message_id in deliveries.keys() - by_id.keys():
        for each in deliveries[message_id]:
            result.find("rolled back and sent", f"{each.recipient} got {message_id}")
    return result


def _check_promises(result: Audit, asked: Iterable[Asked], rows: Iterable[Row]) -> None:
    kept = {row.recipient for row in rows}
    for each in asked:
        if each.rolled_back:
            result.counts["rolled back"] += 1
        elif each.answered:
            result.counts["answered"] += 1
            if each.recipient not in kept:
                result.find("lost", f"{each.recipient} was promised a mail, and there is no row")
        if each.rolled_back and each.recipient in kept:
            result.find("kept after roll-back", each.recipient)


def _check_end(result: Audit, row: Row, deliveries: Sequence[Taken], patience: timedelta) -> None:
    result.counts["promised"] += 1
    if row.state not in ENDS:
        result.find("lost", f"{row.id} is {row.state.value} for ever")
        return
    result.counts[row.state.value] += 1
    overdue = row.ended_at - row.deadline if row.ended_at else timedelta.max
    result.longest_overdue = max(result.longest_overdue, overdue)
    if overdue > patience:
        result.find("ended late", f"{row.id} ended at {row.ended_at}, due {row.deadline}")
    if row.state not in _SENT_OR_EXPLAINED and not row.reason:
        result.find("without a reason", f"{row.id} is {row.state.value}")
    if row.state is MessageState.SENT and not deliveries:
        result.find("lost", f"{row.id} is called sent, and no mail server has it")


def _check_deliveries(
    result: Audit, row: Row, deliveries: Sequence[Taken], strikes: Sequence[float]
) -> None:
    for each in deliveries:
        late = datetime.fromtimestamp(each.at, UTC) - row.deadline
        if late > ON_THE_WIRE:
            result.find("late", f"{row.id} was taken {late.total_seconds():.2f} s late")
        if each.recipient != row.recipient:
            result.find("sent to another", f"{row.id} of {row.recipient} went to {each.recipient}")
    if deliveries and row.state is MessageState.CANCELLED:
        result.find("cancelled and sent", row.id)
    elif deliveries and row.state in ENDS - {MessageState.SENT}:
        result.excuse("arrived, not called sent", row, _excuse(row, deliveries, strikes))
    if len(deliveries) > 1:
        excuse = _excuse(row, deliveries, strikes) if policy.may_repeat(row.usage_type) else None
        result.excuse("sent twice", row, excuse)


def _excuse(row: Row, deliveries: Sequence[Taken], strikes: Sequence[float]) -> str | None:
    """Say why nobody could know whether the mail was taken, once less than it was or once."""
    doubtful = max(1, len(deliveries) - 1)
    if doubtful <= (lost := row.lost_replies(deliveries)):
        return "the reply was lost"
    ends = [each.at for each in deliveries[1:]] or [math.inf]
    was_struck = any(deliveries[0].at - _UNREAD < strike < ends[-1] for strike in strikes)
    return "cut short" if was_struck and doubtful <= lost + row.silent_claims else None
