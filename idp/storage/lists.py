"""Many values as one parameter, so that a statement stays the same however many there are."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, SQLColumnExpression, Text, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine


class _Texts(TypeDecorator[Sequence[str]]):
    """An array where the database has them, JSON where not."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_impl(dialect))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json.dumps(texts)


def _impl(dialect: Dialect) -> TypeEngine[Any]:
    return ARRAY(Text()) if dialect.name == "postgresql" else Text()


class one_of(FunctionElement[Any]):  # noqa: N801 (it reads as an SQL function)
    """Whether a column of texts holds one of those in the parameter of this name."""

    type = NullType()  # of a Boolean, SQLAlchemy asks SQLite `= 1`, which then uses no index
    inherit_cache = True

    def __init__(self, column: SQLColumnExpression[str], parameter: str) -> None:
        super().__init__(column, bindparam(parameter, type_=_Texts))


@compiles(one_of)
def _postgresql(element: one_of, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY({texts})"


@compiles(one_of, "sqlite")
def _sqlite(element: one_of, compiler: Any, **options: Any) -> str:
    column, texts = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 (compiled SQL)
