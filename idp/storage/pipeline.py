"""PostgreSQL in few round trips: what nobody waits for travels with the next statement.

Sent together, statements take psycopg's pipeline mode: one trip, one answer after the other.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from psycopg.errors import PipelineAborted
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util.concurrency import await_

_Query = tuple[str, Mapping[str, Any] | None]
_BEGIN: _Query = ("BEGIN", None)
_COMMIT: _Query = ("COMMIT", None)


class Fetched(NamedTuple):
    """What the database answered: rows if it was asked for some, and how many it met."""

    rows: Sequence[Sequence[Any]]
    rowcount: int


class Pipeline:
    """The statements of one unit of work after the other, on psycopg's connection.

    The connection commits by itself. The first statement that changes or locks something takes
    BEGIN with it, so that reading alone needs no transaction. A statement that waited may show its
    error at any later one, at the latest at the commit.
    """

    def __init__(self, driver: psycopg.AsyncConnection[Any]) -> None:
        self.driver = driver
        self.is_sound = True
        """False after an error, a cancellation, a cut: psycopg may then count on statements as
        prepared that the database skipped, and a session on a transaction that is gone."""
        self._cursors: dict[str, psycopg.AsyncCursor[Any]] = {}
        self._waiting: list[_Query] = []

    @property
    def is_idle(self) -> bool:
        """Tell whether the database waits for a statement, outside of any transaction."""
        return self.driver.pgconn.transaction_status == TransactionStatus.IDLE

    def begin(self) -> None:
        """Have a transaction begin with what comes next, unless it has begun."""
        if not self._waiting and self.is_idle:
            self._waiting.append(_BEGIN)

    def send(self, text: str, values: Mapping[str, Any]) -> None:
        """Make a change whose result nobody waits for."""
        self.begin()
        self._waiting.append((text, values))

    def execute(self, text: str, values: Mapping[str, Any], *, only_reads: bool) -> Fetched:
        """Run a statement after those that wait."""
        if not only_reads:
            self.begin()
        return self._communicate((text, values))

    def flush(self) -> None:
        """Run what waits."""
        if self._waiting:
            self._communicate()

    def commit(self) -> None:
        """Run what waits and commit, in one round trip."""
        if self.driver.pgconn.transaction_status == TransactionStatus.INERROR:
            # PostgreSQL would roll back and call that a success.
            raise RuntimeError("A unit of work went on after one of its statements had failed.")
        if not self.is_idle:
            self._communicate(_COMMIT)
        elif self._waiting:
            del self._waiting[0]  # BEGIN: what travels together is a transaction by itself
            self.flush()

    def roll_back(self) -> None:
        """Forget what waits and undo the rest."""
        self._waiting.clear()
        with suppress(psycopg.Error):  # cut off: nothing to undo
            await_(self.driver.rollback())

    def _communicate(self, *last: _Query) -> Fetched:
        queries = [*self._waiting, *last]
        self._waiting.clear()
        self.is_sound = False  # until everything is answered
        try:
            fetched = await_(self._run(queries))
        except psycopg.Error as error:
            # What a session would raise; without the values, which may be private.
            text = "; ".join(text for text, _ in queries)
            cause = _cause_of(error)
            raise DBAPIError.instance(text, None, cause, psycopg.Error, True) from cause
        self.is_sound = True
        return fetched

    async def _run(self, queries: Sequence[_Query]) -> Fetched:
        if len(queries) == 1:
            return await _fetch(await self._execute(*queries[0]))
        async with self.driver.pipeline():
            for query in queries:
                cursor = await self._execute(*query)
        return await _fetch(cursor)

    async def _execute(
        self, text: str, values: Mapping[str, Any] | None
    ) -> psycopg.AsyncCursor[Any]:
        # A cursor knows how the values of its last statement were sent.
        cursor = self._cursors.get(text)
        if cursor is None:
            cursor = self._cursors[text] = self.driver.cursor()
        return await cursor.execute(text, values)


async def _fetch(cursor: psycopg.AsyncCursor[Any]) -> Fetched:
    result = cursor.pgresult
    has_rows = result is not None and result.status == ExecStatus.TUPLES_OK
    return Fetched(await cursor.fetchall() if has_rows else [], cursor.rowcount)


def _cause_of(error: BaseException) -> BaseException:
    """Return what failed, where psycopg tells last that what came after it was given up."""
    while isinstance(error, PipelineAborted) and error.__context__ is not None:
        error = error.__context__
    return error


def pipeline_of(connection: Connection) -> Pipeline:
    """Return the pipeline of a connection to PostgreSQL."""
    pipeline: Pipeline = connection.info["pipeline"]
    return pipeline


def have_statements_wait(engine: Engine) -> None:
    """Give every connection a pipeline, which sessions on it use for their transactions too."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        record.info["pipeline"] = Pipeline(connection.driver_connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        pipeline_of(connection).begin()

    @event.listens_for(engine, "before_cursor_execute")
    def flush(connection: Connection, *_: object) -> None:
        pipeline_of(connection).flush()

    @event.listens_for(engine, "commit")
    def commit(connection: Connection) -> None:
        pipeline_of(connection).commit()
