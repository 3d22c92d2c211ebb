"""What administrators set about signing up and in, as far as they changed it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from idp.storage.tables.columns import now


class StoredExperience(SQLModel, table=True):
    """One row: the values that were set, by the names of `SignInExperience`; the rest are not."""

    __tablename__ = "sign_in_experience"

    id: str = Field(default="default", primary_key=True)
    values: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    version: int = 1
    updated_at: datetime = Field(default_factory=now)
