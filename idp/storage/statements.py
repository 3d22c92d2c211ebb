"""Statements compiled once and run on the driver's connection, for paths where a session costs.

A row read through an ORM session costs forty times what SQLite needs to find it. These statements
belong to the same transaction as the session they are given. Their rows are instances of the
tables, but nobody tracks them: setting an attribute raises, a change is a statement of its own.
What a session was given to add or change must be flushed before a statement can see it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import (
    Executable,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from idp.storage.database import connection_of
from idp.storage.pipeline import Fetched, pipeline_of

R = TypeVar("R")
M = TypeVar("M", bound=SQLModel)
Converter = Callable[[Any], Any]
_Part = tuple[type[SQLModel] | None, list[str], slice]
"""Part of a row: the table, or None for a column, the names of its columns, where they are."""


class Statement(Generic[R]):
    """A SELECT, or a change with RETURNING, whose values are bound by name.

    `R` is what a row becomes: an instance of the table selected, None where an outer join found
    none, a plain value for one column, or a tuple of these. A change with RETURNING names the table
    it returns rows of. A SELECT of a function that changes or locks something is to be sent.
    """

    def __init__(self, statement: Executable, returning: type[SQLModel] | None = None) -> None:
        self._statement = statement
        self._returning = returning
        self._plans: dict[str, _Plan] = {}

    def all(self, session: Session, /, **values: Any) -> list[R]:
        """Return every row."""
        plan = self._plan(session)
        return [plan.build(row) for row in plan.execute(session, values).rows]

    def first(self, session: Session, /, **values: Any) -> R | None:
        """Return the first row, if there is one."""
        plan = self._plan(session)
        rows = plan.execute(session, values).rows
        return plan.build(rows[0]) if rows else None

    def run(self, session: Session, /, **values: Any) -> int:
        """Make a change and return how many rows it met."""
        return self._plan(session).execute(session, values).rowcount

    def send(self, session: Session, /, **values: Any) -> None:
        """Make a change whose outcome nobody waits for.

        It happens before the next statement; an error may show only there, or at the commit.
        """
        self._plan(session).send(session, values)

    def send_all(self, session: Session, many: Sequence[dict[str, Any]], /) -> None:
        """Make a change many times, with other values each time."""
        self._plan(session).send_all(session, many)

    def _plan(self, session: Session) -> "_Plan":
        dialect = connection_of(session).dialect
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = _Plan.of(self._statement, self._returning, dialect)
        return plan


_PLAN_ONCE = Statement[None](text("SET LOCAL plan_cache_mode = force_generic_plan"))


def plan_once(session: Session) -> None:
    """Have PostgreSQL keep one plan for each statement of this unit of work.

    For statements whose best plan is always the same: with a million rows, making a plan for a
    claim takes longer than the claim.
    """
    if connection_of(session).dialect.name == "postgresql":
        _PLAN_ONCE.send(session)


class Rows(Generic[M]):
    """The everyday statements of one table, each compiled when it is first used."""

    def __init__(self, table: type[M]) -> None:
        self._table = table
        configure_mappers()  # attributes of rows made without a session cannot be read before
        self._columns = inspect(table).columns
        self._names = tuple(table.model_fields)
        self._values, self._makers = _defaults(table)
        self._statements: dict[tuple[str, ...], Statement[Any]] = {}

    def get(self, session: Session, /, **key: Any) -> M | None:
        """Return the row with these values, if there is one."""
        return self._known(select, key, {}).first(session, **_named(key))

    def insert(self, session: Session, /, **values: Any) -> M:
        """Write a row; what is not given takes the default of the table's class."""
        row = self.make(**values)
        self.add(session, row)
        return row

    def make(self, **values: Any) -> M:
        """Make a row to be written later; twenty times as fast as calling the class."""
        return _instance(self._table, self._completed(values))

    def add(self, session: Session, row: M, /) -> None:
        """Write a row that was made elsewhere."""
        self._insert.send(session, **row.__dict__)

    def add_all(self, session: Session, rows: Sequence[M], /) -> None:
        """Write rows that were made elsewhere."""
        if connection_of(session).dialect.name == "postgresql" and len(rows) > 1:
            values = {name: [row.__dict__[name] for row in rows] for name in self._names}
            self._insert_arrays.send(session, **values)
        else:
            self._insert.send_all(session, [dict(row.__dict__) for row in rows])

    @cached_property
    def _insert_arrays(self) -> Statement[Any]:
        """One statement of PostgreSQL's for many rows: an array for each column."""
        columns = [
            func.unnest(bindparam(name, type_=postgresql.ARRAY(self._columns[name].type)))
            for name in self._names
        ]
        return Statement(insert(self._table).from_select(self._names, select(*columns)))

    @cached_property
    def _insert(self) -> Statement[Any]:
        return self._known(insert, {}, dict.fromkeys(self._names))

    def insert_if_absent(self, session: Session, /, **values: Any) -> bool:
        """Write a row, unless one with the same key is there or comes at the same moment."""
        values = self._completed(values)
        return self._known(_insert_if_absent, {}, values).run(session, **values) == 1

    def update(self, session: Session, key: Mapping[str, Any], /, **values: Any) -> None:
        """Change the rows with the values of `key`."""
        self._known(update, key, values).send(session, **_named(key), **values)

    def delete(self, session: Session, /, **key: Any) -> None:
        """Delete the rows with these values."""
        self._known(delete, key, {}).send(session, **_named(key))

    def _known(
        self, verb: Callable[..., Any], key: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Statement[Any]:
        name = (verb.__name__, *key, "=", *values)
        statement = self._statements.get(name)
        if statement is None:
            made = verb(self._table)
            if key:
                made = made.where(
                    and_(*(self._columns[each] == bindparam(f"of_{each}") for each in key))
                )
            if values:
                made = made.values({each: bindparam(each) for each in values})
            statement = self._statements[name] = Statement(made)
        return statement

    def _completed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        made = {name: make() for name, make in self._makers.items() if name not in given}
        return {**self._values, **made, **given}


def _defaults(table: type[SQLModel]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Return what rows have when nobody says otherwise, and what makes it for each of them.

    pydantic's get_default inspects the signature of a factory at every call.
    """
    values: dict[str, Any] = {}
    makers: dict[str, Callable[[], Any]] = {}
    for name, field in table.model_fields.items():
        if field.default_factory is None:
            values[name] = field.default
        else:
            makers[name] = cast("Callable[[], Any]", field.default_factory)
    return values, makers


def _insert_if_absent(table: type[SQLModel]) -> postgresql.Insert:
    return postgresql.insert(table).on_conflict_do_nothing()  # SQLite words it alike


def _named(key: Mapping[str, Any]) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in key.items()}


@dataclass(frozen=True)
class _Plan:
    """The text of a statement for one kind of database, and how values get in and out."""

    text: str
    constants: Mapping[str, Any]
    positions: Sequence[str] | None
    writers: Sequence[tuple[str, Converter]]
    build: Callable[[Sequence[Any]], Any]
    only_reads: bool
    driver_error: type[Exception]

    @classmethod
    def of(
        cls, statement: Executable, returning: type[SQLModel] | None, dialect: Dialect
    ) -> "_Plan":
        configure_mappers()
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        writers = {  # of each name one, though it may stand in several places
            name: writer
            for bind, name in compiled.bind_names.items()
            if (writer := _writer(bind.type, dialect))
        }
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        parts = [returning] if returning else _selected(statement)
        build = _builder(list(_placed(parts)), compiled)
        return cls(
            str(compiled),
            constants,
            compiled.positiontup,
            tuple(writers.items()),
            build,
            _only_reads(statement),
            dialect.loaded_dbapi.Error,
        )

    def execute(self, session: Session, values: dict[str, Any]) -> Fetched:
        bound = self._bound(values)
        connection = connection_of(session)
        if self.positions is None:
            pipeline = pipeline_of(connection)
            return pipeline.execute(self.text, bound, only_reads=self.only_reads)
        driver: Any = connection.connection.driver_connection
        try:
            cursor = driver.execute(self.text, self._in_order(bound))
            return Fetched(cursor.fetchall(), cursor.rowcount)
        except self.driver_error as error:
            raise self._told_as_by_sessions(error) from error

    def send(self, session: Session, values: dict[str, Any]) -> None:
        if self.positions is None:
            pipeline_of(connection_of(session)).send(self.text, self._bound(values))
        else:
            self.execute(session, values)

    def send_all(self, session: Session, many: Sequence[dict[str, Any]]) -> None:
        if self.positions is None:
            for values in many:
                self.send(session, values)
            return
        driver: Any = connection_of(session).connection.driver_connection
        try:
            driver.executemany(self.text, [self._in_order(self._bound(row)) for row in many])
        except self.driver_error as error:
            raise self._told_as_by_sessions(error) from error

    def _in_order(self, bound: Mapping[str, Any]) -> list[Any]:
        return [bound[name] for name in self.positions or ()]

    def _told_as_by_sessions(self, error: Exception) -> Exception:
        # Without the values, which may be private.
        return DBAPIError.instance(self.text, None, error, self.driver_error, True)

    def _bound(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.constants:
            values = {**self.constants, **values}
        for name, write in self.writers:
            values[name] = write(values[name])
        return values


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> Converter | None:
    if dialect.name == "sqlite" and isinstance(kind, UTCDateTime):
        return _write_moment
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _write_moment(moment: datetime | None) -> str | None:
    """Return the text SQLAlchemy keeps a moment as in SQLite, for a fraction of its time."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("A moment is written with its time zone.")
    return moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def _builder(parts: Sequence[_Part], compiled: SQLCompiler) -> Callable[[Sequence[Any]], Any]:
    """Return what makes a value of `R` from a row of the driver."""
    dialect = compiled.dialect
    readers = [
        (number, reader)
        for number, column in enumerate(compiled._result_columns)
        if (reader := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]

    def build(row: Sequence[Any]) -> Any:
        values = list(row)
        for number, read in readers:
            if (value := values[number]) is not None:
                values[number] = read(value)
        built = [
            values[place.start] if table is None else _instance_of(table, names, values[place])
            for table, names, place in parts
        ]
        return built[0] if len(built) == 1 else tuple(built)

    return build


def _only_reads(statement: Executable) -> bool:
    return isinstance(statement, Select) and statement._for_update_arg is None


def _selected(statement: Any) -> list[type[SQLModel] | None]:
    """List what a SELECT asks for: tables, and None for a column."""
    asked = [part["expr"] for part in getattr(statement, "column_descriptions", ())]
    return [part if isinstance(part, type) else None for part in asked]


def _placed(parts: Sequence[type[SQLModel] | None]) -> Iterator[_Part]:
    start = 0
    for table in parts:
        names = list(inspect(table).columns.keys()) if table else [""]
        yield table, names, slice(start, start + len(names))
        start += len(names)


def _instance_of(table: type[M], names: Sequence[str], values: Sequence[Any]) -> M | None:
    """Make a row; None where an outer join found none, whose key would be missing."""
    return None if values[0] is None else _instance(table, zip(names, values, strict=False))


def _instance(table: type[M], values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> M:
    row: M = table.__new__(table)
    row.__dict__.update(values)
    return row
