"""Rows found by one text, such as the fingerprint of a token: the reads of every request."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, SQLColumnExpression, bindparam
from sqlmodel import Session

from idp.storage.database import Database
from idp.storage.lists import one_of
from idp.storage.statements import Statement

R = TypeVar("R")


class Lookup(Generic[R]):
    """A SELECT and the column it is narrowed by.

    Where a round trip costs more than a read, what is looked up in the same moment is found by one
    statement. `R` is what a row becomes, as in `Statement`.
    """

    def __init__(self, rows: Select[*tuple[Any, ...]], column: SQLColumnExpression[str]) -> None:
        self._of_one = Statement[R](rows.where(column == bindparam("key")))
        self._of_many = Statement[Any](rows.add_columns(column).where(one_of(column, "keys")))

    async def find(self, database: Database, key: str) -> Sequence[R]:
        """Return the rows with this text in the column."""
        return await database.read_together(self._read, key)

    def _read(self, session: Session, keys: Sequence[str]) -> Sequence[Sequence[R]]:
        if len(keys) == 1:
            return [self._of_one.all(session, key=keys[0])]
        found: dict[str, list[Any]] = {key: [] for key in keys}
        for *row, key in self._of_many.all(session, keys=list(found)):
            found[key].append(row[0] if len(row) == 1 else tuple(row))
        return [found[key] for key in keys]
