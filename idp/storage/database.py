"""One unit of work is one plain function: `await database.run(work, ...)`.

`work(session, ...)` runs as one transaction, whatever the driver. It may run twice when another
process holds SQLite's write lock, so it must touch nothing but its session.
"""

import asyncio
import select
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Session

from idp.settings import SetupError
from idp.storage.pipeline import Pipeline, pipeline_of

P = ParamSpec("P")
T = TypeVar("T")

_WAIT_FOR_LOCK = 30.0  # seconds a worker thread waits for SQLite's write lock
_POSTGRESQL_CONNECTIONS = 10
_DEFERRED = "BEGIN"
_IMMEDIATE = "BEGIN IMMEDIATE"
_HIDE_VALUES = True
"""The text of an error would else repeat what was written, such as addresses."""


class Database(ABC):
    """Where units of work run."""

    async def run(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(session, ...)` as one transaction and return its result.

        Rows it returns are plain values afterwards. An exception rolls everything back.
        """

        def unit(connection: Connection) -> tuple[T, list[Callable[[], None]]]:
            with Session(connection, expire_on_commit=False) as session:
                result = work(session, *args, **kwargs)
                session.flush()
                self._commit(connection)
                if session.in_transaction():
                    session.commit()  # tells the session what is done already
                return result, session.info.get("after_commit", [])

        result, callbacks = await self._run(unit)
        for callback in callbacks:
            callback()
        return result

    async def read(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(session, ...)`, which changes nothing, without beginning a transaction."""

        def unit(connection: Connection) -> T:
            with Session(connection, expire_on_commit=False) as session:
                return work(session, *args, **kwargs)

        return await self._read(unit)

    @abstractmethod
    async def _run(self, unit: Callable[[Connection], T]) -> T: ...

    async def _read(self, unit: Callable[[Connection], T]) -> T:
        return await self._run(unit)

    def _commit(self, connection: Connection) -> None:
        connection.connection.commit()  # what statements wrote without the session

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection."""


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Have `callback` called on the event loop once this unit of work is committed."""
    session.info.setdefault("after_commit", []).append(callback)


def open_database(url: str) -> Database:
    """Open the database of `IDP_DATABASE_URL`; connects at the first unit of work."""
    return _Sqlite(url) if url.startswith("sqlite") else _PostgreSQL(url)


def driver_url(url: str) -> str:
    """Name psycopg 3 as the driver of a `postgresql://` address."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class _Sqlite(Database):
    """Runs on the event loop, where a statement costs microseconds; waits for locks in a thread."""

    def __init__(self, url: str) -> None:
        self._impatient = sqlite_engine(url, begin=_DEFERRED, timeout=0)
        self._patient = sqlite_engine(url, begin=_IMMEDIATE, timeout=_WAIT_FOR_LOCK)

    async def _run(self, unit: Callable[[Connection], T]) -> T:
        try:
            return _on(self._kept, _DEFERRED, unit)
        except (OperationalError, sqlite3.OperationalError) as error:
            if not _is_busy(error):
                raise
        return await asyncio.to_thread(self._wait_and_run, unit)

    def _wait_and_run(self, unit: Callable[[Connection], T]) -> T:
        with self._patient.connect() as connection:
            return _on(connection, _IMMEDIATE, unit)

    async def _read(self, unit: Callable[[Connection], T]) -> T:
        return unit(self._kept)

    @cached_property
    def _kept(self) -> Connection:
        """The one connection of the event loop: taking one from a pool costs more than a read."""
        return self._impatient.connect()

    async def aclose(self) -> None:
        if "_kept" in self.__dict__:
            self._kept.close()
        self._impatient.dispose()
        self._patient.dispose()


class _PostgreSQL(Database):
    """Runs the same functions over psycopg's asynchronous connections."""

    def __init__(self, url: str) -> None:
        # Units of work begin their transactions themselves, see Pipeline.
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=_POSTGRESQL_CONNECTIONS,
            hide_parameters=_HIDE_VALUES,
            isolation_level="AUTOCOMMIT",
        )
        engine = self._engine.sync_engine
        event.listen(engine, "connect", _add_pipeline)
        event.listen(engine, "checkout", _refuse_dead)
        event.listen(engine, "begin", lambda connection: pipeline_of(connection).begin())
        event.listen(engine, "before_cursor_execute", _send_first)

    async def _run(self, unit: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(_in_pipeline, unit, transaction=True)

    async def _read(self, unit: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(_in_pipeline, unit, transaction=False)

    def _commit(self, connection: Connection) -> None:
        pipeline_of(connection).commit()

    async def aclose(self) -> None:
        await self._engine.dispose()


def _in_pipeline(
    connection: Connection, unit: Callable[[Connection], T], *, transaction: bool
) -> T:
    pipeline = pipeline_of(connection)
    pipeline.start(transaction=transaction)
    result = unit(connection)
    pipeline.flush()
    return result


def _add_pipeline(connection: Any, record: Any) -> None:
    record.info["pipeline"] = Pipeline(connection.driver_connection)


def _send_first(connection: Connection, *_: object) -> None:
    pipeline_of(connection).flush()


def _refuse_dead(connection: Any, _record: object, _proxy: object) -> None:
    """Have a connection replaced that died while it was kept, as in a restart of the database.

    A server that speaks to an idle client says goodbye; looking for that costs no round trip.
    """
    driver = connection.driver_connection
    waiting = select.poll()
    if not driver.closed:
        waiting.register(driver.fileno(), select.POLLIN)
    if driver.closed or waiting.poll(0):
        driver.pgconn.finish()
        raise DisconnectionError


def _on(connection: Connection, begin: str, unit: Callable[[Connection], T]) -> T:
    try:
        _begin(connection, begin)
        return unit(connection)
    except BaseException:
        connection.connection.rollback()  # what statements wrote without the session
        raise


def _is_busy(error: OperationalError | sqlite3.OperationalError) -> bool:
    # The low byte is the primary result code; SQLITE_BUSY_SNAPSHOT and its kin carry it too.
    cause = error.orig if isinstance(error, OperationalError) else error
    result_code = getattr(cause, "sqlite_errorcode", 0)
    return result_code & 0xFF == sqlite3.SQLITE_BUSY


def sqlite_engine(url: str, *, begin: str, timeout: float) -> Engine:
    """Return an engine in WAL mode that starts a transaction, reading or writing, with `begin`."""
    engine = create_engine(
        url,
        connect_args={"timeout": timeout, "isolation_level": None},
        hide_parameters=_HIDE_VALUES,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        _begin(connection, begin)

    return engine


def _begin(connection: Connection, begin: str) -> None:
    """Start a transaction, unless a statement that needs no session has started one."""
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        driver.execute(begin)


def describe_database_error(url: str, error: DBAPIError) -> SetupError:
    """Turn a driver's error at start into one line that names the database and the likely fix."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        where = parsed.render_as_string(hide_password=True)
        return SetupError(f"IDP_DATABASE_URL: {where} cannot be reached: {_first_line(error)}.")
    file = Path(parsed.database or "")
    reason = "its folder does not exist" if not file.parent.is_dir() else _first_line(error)
    return SetupError(f"IDP_DATABASE_URL: the database file {file} cannot be used: {reason}.")


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or ["unknown error"])[0].rstrip(".")
