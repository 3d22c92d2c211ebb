"""The delivery log, searched without ever reading more of it than a page can show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from idp.storage.secrets import first_id
from idp.storage.tables import NOT_SENT, WAITING, Message, MessageState

_SEARCHED = 5_000
"""How many mails one search looks at; the next page goes on where it stopped."""

_WAITING = frozenset({MessageState.PROMISED, MessageState.SENDING})
_INDEXED = frozenset(MessageState) - {MessageState.SENT}
"""States few mails are in."""


@dataclass(frozen=True)
class Wanted:
    """Which mails to show; times bound when they were promised."""

    state: MessageState | None = None
    usage_type: str | None = None
    connector_id: str | None = None
    recipient_hashes: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    """The id the page before ended with."""


@dataclass(frozen=True)
class Found:
    """One page of mails, newest first; `before` is where an older page goes on, if there is one."""

    messages: list[Message] = field(default_factory=list)
    before: str | None = None


def search(session: Session, wanted: Wanted, limit: int = 50) -> Found:
    """Return a page of mails.

    Filters no index serves are applied to a bounded stretch of the log, so that a rare kind of mail
    costs no scan of the whole table; the page may then be short and still have an older one.
    """
    rows, bounds = select(Message), _bounds(wanted)
    newest_first = col(Message.id).desc()
    stretch = select(Message.id).where(*bounds).order_by(newest_first).limit(_SEARCHED)
    filters = _filters(wanted)
    if filters and not wanted.recipient_hashes:
        rows = rows.where(col(Message.id).in_(select(stretch.subquery().c.id)))
    rows = rows.where(*bounds, *filters).order_by(newest_first).limit(limit + 1)
    found = list(session.exec(rows))
    if len(found) > limit:
        return Found(found[:limit], found[limit - 1].id)
    is_whole = not filters or wanted.recipient_hashes
    last = None if is_whole else session.exec(stretch.offset(_SEARCHED - 1).limit(1)).first()
    return Found(found, last)


def _bounds(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what an index serves."""
    bounds: list[ColumnElement[bool]] = []
    if wanted.recipient_hashes:
        bounds.append(col(Message.recipient_hash).in_(wanted.recipient_hashes))
    if wanted.since:
        bounds.append(col(Message.id) >= first_id(wanted.since))
    if wanted.until:
        bounds.append(col(Message.id) < first_id(wanted.until))
    if wanted.before:
        bounds.append(col(Message.id) < wanted.before)
    if wanted.state in _INDEXED:
        bounds.extend(in_state(wanted.state))
    return bounds


def in_state(state: MessageState) -> list[ColumnElement[bool]]:
    """Match a state; one that few mails are in names the partial index that holds them."""
    is_in = col(Message.state) == state
    if state in _WAITING:
        waiting = select(Message.id).where(WAITING, is_in)
        return [col(Message.id).in_(waiting)]
    # Text, word for word as the index has it; statements take that as well.
    return [is_in, NOT_SENT] if state in _INDEXED else [is_in]  # type: ignore[list-item]


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what none serves."""
    filters: list[ColumnElement[bool]] = []
    if wanted.state and wanted.state not in _INDEXED:
        filters.append(col(Message.state) == wanted.state)
    if wanted.usage_type:
        filters.append(col(Message.usage_type) == wanted.usage_type)
    if wanted.connector_id:
        filters.append(col(Message.connector_id) == wanted.connector_id)
    return filters
