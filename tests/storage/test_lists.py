"""Many values as one parameter, found as quickly as one."""

import sqlite3
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlmodel import col, select

from idp.storage.lists import one_of
from idp.storage.tables import AccessToken


def test_sqlite_finds_many_keys_by_their_index(sqlite_url: str, tmp_path: Path) -> None:
    """Of a condition it takes for a number, SQLite looks at every row."""
    wanted = one_of(col(AccessToken.fingerprint), "keys")
    statement = select(AccessToken.scope).where(wanted, col(AccessToken.expires_at).is_not(None))
    database = sqlite3.connect(tmp_path / "idp.db")
    compiled = str(statement.compile(dialect=sqlite.dialect()))
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {compiled}", ['["a"]'])]
    database.close()
    assert plan[0].startswith("SEARCH access_token")
    assert plan[0].endswith("(fingerprint=?)")
