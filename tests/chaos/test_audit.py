"""The audit sees everything that should not have been: here it is all made up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from chaos.audit import Audit, Row, audit
from chaos.records import Asked, Taken

from idp.connector_kit import UsageType
from idp.storage.tables import MessageState, now

NOW = now()
PATIENCE = timedelta(seconds=5)
ADDRESS = "alice@example.test"
ASKED = Asked(recipient=ADDRESS, answered=True)
SENT = Row(
    id="m1",
    recipient=ADDRESS,
    usage_type=UsageType.SIGN_IN,
    state=MessageState.SENT,
    deadline=NOW + timedelta(seconds=60),
    ended_at=NOW,
    claims=1,
    outcomes=[(1, "sent")],
)
EXPIRED = replace(SENT, state=MessageState.EXPIRED, reason="451 try again later")
AMBIGUOUS = replace(SENT, claims=2, outcomes=[(1, "AmbiguousFailure"), (2, "sent")])
KILLED = replace(SENT, claims=2, outcomes=[(2, "sent")])
TAKEN = Taken(message_id="m1", recipient=ADDRESS, at=NOW.timestamp(), told="250")
AGAIN = replace(TAKEN, at=TAKEN.at + 2)
KILL = TAKEN.at + 1


def count(
    row: Row | None = SENT,
    taken: Sequence[Taken] = (TAKEN,),
    asked: Sequence[Asked] = (ASKED,),
    strikes: Sequence[float] = (KILL,),
) -> Audit:
    return audit(asked, [row] if row else [], taken, strikes, PATIENCE)


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        (SENT, [TAKEN]),
        (EXPIRED, []),
        (replace(EXPIRED, outcomes=[(1, "AmbiguousFailure")]), [TAKEN]),
        (AMBIGUOUS, [TAKEN, AGAIN]),
        (KILLED, [TAKEN, AGAIN]),
        (replace(SENT, state=MessageState.CANCELLED), []),
    ],
)
def test_what_is_as_it_should_be_is_counted_without_a_word(row: Row, taken: list[Taken]) -> None:
    audited = count(row, taken)
    assert audited.findings == []
    assert (audited.counts["promised"], audited.counts[row.state.value]) == (1, 1)


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        (None, []),
        (replace(SENT, state=MessageState.PROMISED, ended_at=None), []),
        (replace(SENT, state=MessageState.SENDING, ended_at=None), [TAKEN]),
        (SENT, []),
    ],
)
def test_a_mail_without_an_end_a_row_or_a_taker_is_lost(
    row: Row | None, taken: list[Taken]
) -> None:
    assert count(row, taken).counts["lost"] == 1


def test_a_mail_taken_after_its_deadline_is_late() -> None:
    late = replace(TAKEN, at=TAKEN.at + 61)
    assert count(taken=[late]).findings == ["late: m1 was taken 1.00 s late"]


def test_a_mail_that_ended_long_after_its_deadline_is_told() -> None:
    row = replace(EXPIRED, ended_at=EXPIRED.deadline + 2 * PATIENCE)
    assert count(row, []).counts["ended late"] == 1


def test_an_unsent_mail_without_a_reason_is_told() -> None:
    assert count(replace(EXPIRED, reason=None), []).counts["without a reason"] == 1


def test_a_mail_of_a_transaction_that_was_not_committed_is_told() -> None:
    asked = [Asked(recipient=ADDRESS, rolled_back=True)]
    assert count(None, [TAKEN], asked).counts["rolled back and sent"] == 1
    assert count(None, [], asked).findings == []


def test_a_row_of_a_transaction_that_was_rolled_back_is_told() -> None:
    asked = [Asked(recipient=ADDRESS, rolled_back=True)]
    assert count(asked=asked).counts["kept after roll-back"] == 1


@pytest.mark.parametrize(
    "row",
    [
        SENT,
        replace(SENT, claims=2, outcomes=[(1, "TransientFailure"), (2, "sent")]),
        replace(AMBIGUOUS, usage_type=UsageType.ORGANIZATION_INVITATION),
        replace(KILLED, usage_type=UsageType.ORGANIZATION_INVITATION),
    ],
)
def test_a_mail_sent_twice_is_told_unless_policy_repeats_what_was_ambiguous(row: Row) -> None:
    audited = count(row, [TAKEN, AGAIN])
    assert audited.counts["sent twice"] == 1
    assert len(audited.findings) == 1


def test_a_mail_sent_twice_without_a_kill_between_is_told() -> None:
    for strikes in ([], [KILL - 3], [KILL + 2]):
        assert len(count(KILLED, [TAKEN, AGAIN], strikes=strikes).findings) == 1


def test_a_mail_sent_more_often_than_was_ambiguous_is_told() -> None:
    assert len(count(AMBIGUOUS, [TAKEN, AGAIN, AGAIN]).findings) == 1


def test_a_mail_sent_to_somebody_else_is_told() -> None:
    wrong = replace(TAKEN, recipient="mallory@example.test")
    assert count(taken=[wrong]).counts["sent to another"] == 1


def test_a_cancelled_mail_that_was_sent_is_told() -> None:
    assert count(replace(SENT, state=MessageState.CANCELLED)).counts["cancelled and sent"] == 1


def test_a_mail_called_failed_that_arrived_is_told_unless_that_was_ambiguous() -> None:
    failed = replace(SENT, state=MessageState.FAILED, reason="550", outcomes=[(1, "gone")])
    assert len(count(failed).findings) == 1
    assert count(replace(failed, outcomes=[(1, "AmbiguousFailure")])).findings == []
