"""Runs the migrations on the connection they are given."""

from alembic import context
from sqlmodel import SQLModel

import idp.storage.tables  # noqa: F401 (fills the metadata)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
if connection.in_transaction():
    connection.commit()
