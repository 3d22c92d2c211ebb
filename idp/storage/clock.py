"""The database's clock, which all processes share, in statements for either kind of database."""

from typing import Any

from sqlalchemy import Float, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel.sql.sqltypes import UTCDateTime


class from_now(FunctionElement[Any]):  # noqa: N801 (it reads as an SQL function)
    """The moment so many seconds from now, by the database's clock.

    `seconds` may be the name of a parameter given when the statement is executed.
    """

    type = UTCDateTime()
    inherit_cache = True

    def __init__(self, seconds: float | str = 0.0) -> None:
        if isinstance(seconds, str):
            super().__init__(bindparam(seconds, type_=Float))
        else:
            super().__init__(bindparam(None, seconds, type_=Float))


@compiles(from_now)
def _postgresql(element: from_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"(statement_timestamp() + make_interval(secs => {seconds}))"


@compiles(from_now, "sqlite")
def _sqlite(element: from_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"
