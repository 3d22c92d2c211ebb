"""What the tables share: names of constraints, enumerations, the moment a row was made."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Enum, String
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def enumerated(kind: type[StrEnum], **options: Any) -> Any:
    """Return a column that stores the values of an enumeration, as text in every database."""
    values = [member.value for member in kind]
    stored = Enum(kind, native_enum=False, length=32, values_callable=lambda _: values)
    return Column(stored, nullable=False, **options)


def compared_by_byte(**options: Any) -> Any:
    """Return a text column ordered by its bytes, so that its index finds what begins alike.

    SQLite does so by itself; the language of a PostgreSQL cluster may sort otherwise.
    """
    stored = String().with_variant(String(collation="C"), "postgresql")
    return Column(stored, nullable=False, **options)


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)
