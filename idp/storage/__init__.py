"""What the server remembers: tables, the database they live in, secrets at rest."""

from idp.storage.database import Database, after_commit, open_database
from idp.storage.secrets import Secrets

__all__ = ["Database", "Secrets", "after_commit", "open_database"]
