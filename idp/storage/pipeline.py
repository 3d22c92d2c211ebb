"""PostgreSQL in few round trips: what nobody waits for travels with the next statement."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util.concurrency import await_

_BEGIN = ("BEGIN", None)
_COMMIT = ("COMMIT", None)
_IDLE = psycopg.pq.TransactionStatus.IDLE
_Query = tuple[str, Mapping[str, Any] | None]


class Fetched(NamedTuple):
    """What the database answered: rows if it was asked for some, and how many it met."""

    rows: Sequence[Sequence[Any]]
    rowcount: int


class Pipeline:
    """The statements of one unit of work after the other, on psycopg's connection.

    Its connection commits by itself, so that reading alone costs one round trip; a unit that
    changes something begins its transaction together with its first statement. Errors of a
    statement that waited show with the one it travelled with.
    """

    def __init__(self, driver: psycopg.AsyncConnection[Any]) -> None:
        self._driver = driver
        self._cursors: dict[str, psycopg.AsyncCursor[Any]] = {}
        self._waiting: list[_Query] = []
        self._is_transaction = False

    def start(self, *, transaction: bool) -> None:
        """Forget what an earlier unit of work left; begin a transaction when one is needed."""
        self._waiting.clear()
        self._is_transaction = transaction

    def begin(self) -> None:
        """Begin the transaction now, for a session that sends its own statements."""
        if self._must_begin:
            self._communicate([_BEGIN, *self._waiting])

    def send(self, text: str, values: Mapping[str, Any]) -> None:
        """Make a change whose result nobody waits for."""
        self._waiting.append((text, values))

    def execute(self, text: str, values: Mapping[str, Any]) -> Fetched:
        """Run a statement after those that wait."""
        begin = [_BEGIN] if self._must_begin else []
        return self._communicate([*begin, *self._waiting, (text, values)])

    def flush(self) -> None:
        """Run what waits."""
        if self._waiting:
            begin = [_BEGIN] if self._must_begin else []
            self._communicate([*begin, *self._waiting])

    def commit(self) -> None:
        """Run what waits and commit, in one round trip."""
        if not self._is_idle:
            self._communicate([*self._waiting, _COMMIT])
        elif self._waiting:  # what travels together is a transaction by itself
            self._communicate(self._waiting)

    @property
    def _is_idle(self) -> bool:
        return self._driver.info.transaction_status is _IDLE

    @property
    def _must_begin(self) -> bool:
        return self._is_transaction and self._is_idle

    def _communicate(self, queries: Sequence[_Query]) -> Fetched:
        self._waiting = []
        try:
            return await_(self._run(queries))
        except psycopg.Error as error:
            # What a session would raise; without the values, which may be private.
            raise DBAPIError.instance(queries[-1][0], None, error, psycopg.Error, True) from error

    async def _run(self, queries: Sequence[_Query]) -> Fetched:
        if len(queries) == 1:
            return await _fetch(await self._execute(*queries[0]))
        async with self._driver.pipeline():
            for query in queries:
                cursor = await self._execute(*query)
        return await _fetch(cursor)

    async def _execute(
        self, text: str, values: Mapping[str, Any] | None
    ) -> psycopg.AsyncCursor[Any]:
        # A cursor knows how the values of its last statement were sent.
        cursor = self._cursors.get(text)
        if cursor is None:
            cursor = self._cursors[text] = self._driver.cursor()
        return await cursor.execute(text, values)


async def _fetch(cursor: psycopg.AsyncCursor[Any]) -> Fetched:
    result = cursor.pgresult
    rows = await cursor.fetchall() if result and result.nfields else []
    return Fetched(rows, cursor.rowcount)


def pipeline_of(connection: Connection) -> Pipeline:
    """Return the pipeline of a connection to PostgreSQL."""
    pipeline: Pipeline = connection.info["pipeline"]
    return pipeline
