"""Long lists, page by page, each found by its primary key alone."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import Session, SQLModel, col, func, select

M = TypeVar("M", bound=SQLModel)


@dataclass(frozen=True)
class Page:
    """Which part of a list; numbers begin at 1."""

    number: int = 1
    size: int = 20

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def newest_first(
    session: Session, table: type[M], page: Page, *conditions: ColumnElement[bool]
) -> tuple[list[M], int]:
    """Return a page of rows whose ids sort by time, and how many rows there are in all."""
    key: Any = col(table.id)  # type: ignore[attr-defined] # every table listed here has one
    total = session.exec(select(func.count(key)).where(*conditions)).one()
    if page.offset >= total:
        return [], total
    # The rows before the page are passed over in the index, without reading them.
    ids = select(key).where(*conditions).order_by(key.desc()).limit(page.size).offset(page.offset)
    rows = select(table).where(key.in_(ids)).order_by(key.desc())
    return list(session.exec(rows)), total
