"""One unit of work is one plain function: `await database.run(work, ...)`.

`work(session, ...)` runs as one transaction, whatever the driver. It may run twice when another
process holds SQLite's write lock, so it must touch nothing but its session.
"""

import asyncio
import select
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, NoReturn, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel import Session

from idp.settings import SetupError
from idp.storage.group_commit import GroupCommit
from idp.storage.pipeline import Pipeline, have_statements_wait, pipeline_of

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")
Work = Callable[[Session, Sequence[Item]], Sequence[Answer]]
"""A unit of work for many at once: an answer for each item."""

_WAIT_FOR_LOCK = 30.0  # seconds a worker thread waits for SQLite's write lock
_POSTGRESQL_CONNECTIONS = 12
_DEFERRED = "BEGIN"
_IMMEDIATE = "BEGIN IMMEDIATE"
_HIDE_VALUES = True
"""The text of an error would else repeat what was written, such as addresses."""


class Database(ABC):
    """Where units of work run."""

    def __init__(self) -> None:
        self._groups: dict[Callable[..., Any], GroupCommit[Any, Any]] = {}

    async def run(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(session, ...)` as one transaction and return its result.

        Rows it returns are plain values afterwards. An exception rolls everything back.
        """
        result, callbacks = await self._run(_unit_of(work, *args, **kwargs))
        for callback in callbacks:
            callback()
        return result

    async def read(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(session, ...)`, which changes nothing, without beginning a transaction."""
        return await self._read(lambda session: work(session, *args, **kwargs))

    async def run_together(self, work: Work[Item, Answer], item: Item) -> Answer:
        """Run `work(session, items)` as one transaction over what is asked for meanwhile.

        Returns the answer to `item`. When work on many fails, each is tried alone.
        """
        return await self._group(self.run, work)(item)

    async def run_shared(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do as `run` does for work that uses nothing but statements, maybe among others.

        Where committing costs more than the work, the work of a moment is committed together; an
        exception undoes what this work did, and nothing else.
        """
        return await self.run(work, *args, **kwargs)

    async def read_together(self, work: Work[Item, Answer], item: Item) -> Answer:
        """Do the same for work that changes nothing."""
        return await self._group(self.read, work)(item)

    def _group(
        self, run: Callable[..., Awaitable[Any]], work: Work[Item, Answer]
    ) -> GroupCommit[Item, Answer]:
        group = self._groups.get(work)
        if group is None:
            group = self._groups[work] = GroupCommit(partial(run, work))
        return group

    @abstractmethod
    async def _run(self, unit: Callable[[Session], T]) -> T: ...

    async def _read(self, unit: Callable[[Session], T]) -> T:
        return await self._run(unit)

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection."""


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Have `callback` called on the event loop once this unit of work is committed."""
    session.info.setdefault("after_commit", []).append(callback)


def _unit_of(
    work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
) -> Callable[[Session], tuple[T, Sequence[Callable[[], None]]]]:
    def unit(session: Session) -> tuple[T, Sequence[Callable[[], None]]]:
        result = work(session, *args, **kwargs)
        if session.in_transaction():
            session.commit()
        return result, session.info.get("after_commit", ())

    return unit


def open_database(url: str) -> Database:
    """Open the database of `IDP_DATABASE_URL`; connects at the first unit of work."""
    return _Sqlite(url) if url.startswith("sqlite") else _PostgreSQL(url)


def driver_url(url: str) -> str:
    """Name psycopg 3 as the driver of a `postgresql://` address."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class _Sqlite(Database):
    """Runs on the event loop, where a statement costs microseconds; waits for locks in a thread."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._impatient = sqlite_engine(url, begin=_DEFERRED, timeout=0)
        self._patient = sqlite_engine(url, begin=_IMMEDIATE, timeout=_WAIT_FOR_LOCK)

    async def _run(self, unit: Callable[[Session], T]) -> T:
        try:
            return _transact(self._kept, unit, _DEFERRED)
        except (OperationalError, sqlite3.OperationalError) as error:
            if not _is_busy(error):
                raise
        return await asyncio.to_thread(self._wait_and_run, unit)

    def _wait_and_run(self, unit: Callable[[Session], T]) -> T:
        with self._patient.connect() as connection:
            return _transact(_session_on(connection), unit, _IMMEDIATE)

    async def run_shared(
        self, work: Callable[Concatenate[Session, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        done = await self.run_together(_one_by_one, lambda session: work(session, *args, **kwargs))
        return done()

    async def _read(self, unit: Callable[[Session], T]) -> T:
        return _use(self._kept, unit)

    @cached_property
    def _kept(self) -> Session:
        """The one session of the event loop: making another costs more than a read."""
        return _session_on(self._impatient.connect())

    async def aclose(self) -> None:
        if "_kept" in self.__dict__:
            connection_of(self._kept).close()
        self._impatient.dispose()
        self._patient.dispose()


class _PostgreSQL(Database):
    """Runs the same functions over psycopg's asynchronous connections."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._engine = create_async_engine(
            driver_url(url),
            poolclass=NullPool,
            hide_parameters=_HIDE_VALUES,
            isolation_level="AUTOCOMMIT",  # the pipeline begins transactions
        )
        have_statements_wait(self._engine.sync_engine)
        self._free = asyncio.Semaphore(_POSTGRESQL_CONNECTIONS)
        self._idle: list[_Kept] = []

    async def _run(self, unit: Callable[[Session], T]) -> T:
        async with self._free:
            kept = await self._take()
            try:
                return await greenlet_spawn(_send_together, kept, unit)
            finally:
                if kept.pipeline.is_sound and kept.pipeline.is_idle:
                    self._idle.append(kept)
                else:
                    await kept.drop()

    async def _take(self) -> "_Kept":
        while self._idle:
            kept = self._idle.pop()
            if not kept.is_dead():
                return kept
            await kept.drop()
        return _Kept.of(await self._engine.connect())

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().connection.close()
        await self._engine.dispose()


class _Kept(NamedTuple):
    """A connection kept with a session: taking one from SQLAlchemy's pool costs as a read."""

    connection: AsyncConnection
    session: Session
    pipeline: Pipeline

    @classmethod
    def of(cls, opened: AsyncConnection) -> "_Kept":
        connection = cast("Connection", opened.sync_connection)
        return cls(opened, _session_on(connection), pipeline_of(connection))

    def is_dead(self) -> bool:
        """Tell whether the connection died while it was kept, as in a restart of the database.

        A server that speaks to an idle client says goodbye; looking for that costs no round trip.
        """
        driver = self.pipeline.driver
        waiting = select.poll()
        if driver.closed:
            return True
        waiting.register(driver.fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    async def drop(self) -> None:
        with suppress(DBAPIError):
            await self.connection.invalidate()
        await self.connection.close()


def _send_together(kept: _Kept, unit: Callable[[Session], T]) -> T:
    """Run a unit of work whose statements travel in few round trips, as a transaction."""
    try:
        result = _use(kept.session, unit)
        kept.pipeline.commit()
    except BaseException:
        kept.pipeline.roll_back()
        raise
    return result


def _one_by_one(
    session: Session, units: Sequence[Callable[[Session], T]]
) -> Sequence[Callable[[], T]]:
    """Run units of work in one transaction of SQLite's; what they return or raise is told later."""
    return [_within(session, unit) for unit in units]


def _within(session: Session, unit: Callable[[Session], T]) -> Callable[[], T]:
    driver: Any = connection_of(session).connection.driver_connection
    driver.execute("SAVEPOINT unit")
    try:
        result = unit(session)
    except Exception as error:
        if isinstance(error, OperationalError) and _is_busy(error):
            raise  # to everybody: all of it is run again
        driver.execute("ROLLBACK TO unit")
        return partial(_raise, error)
    finally:
        driver.execute("RELEASE unit")
    return lambda: result


def _raise(error: Exception) -> NoReturn:
    raise error


def connection_of(session: Session) -> Connection:
    """Return the connection a session works on, which is its own for the whole unit of work."""
    return cast("Connection", session.bind)


def _session_on(connection: Connection) -> Session:
    return Session(connection, expire_on_commit=False)


def _transact(session: Session, unit: Callable[[Session], T], begin: str) -> T:
    """Run a unit of work as a transaction, with what its statements write without the session."""
    connection = connection_of(session)
    try:
        _begin(connection, begin)
        result = _use(session, unit)
        connection.connection.commit()
    except BaseException:
        connection.rollback()  # what the session failed to commit
        connection.connection.rollback()
        raise
    return result


def _use(session: Session, unit: Callable[[Session], T]) -> T:
    """Run a unit of work and leave the session as it was found."""
    try:
        return unit(session)
    finally:
        if session.in_transaction() or session.identity_map or session.info:
            session.close()
            session.info.clear()


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
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "cache_size=-32000",  # KiB; tokens are found and written all over their index
        ):
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
