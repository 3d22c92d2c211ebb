"""Make recovery impossible, so that it can be seen that the count sees a loss."""

from sqlalchemy import create_engine, text

from idp.storage.database import driver_url

_SQLITE = (
    "CREATE TRIGGER endless_lease AFTER UPDATE ON message WHEN NEW.state = 'sending' BEGIN "
    "UPDATE message SET due_at = '9999-01-01 00:00:00.000000' WHERE id = NEW.id; END",
)
_POSTGRESQL = (
    "CREATE FUNCTION endless_lease() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN NEW.due_at := '9999-01-01'; RETURN NEW; END $$",
    "CREATE TRIGGER endless_lease BEFORE UPDATE ON message FOR EACH ROW "
    "WHEN (NEW.state = 'sending') EXECUTE FUNCTION endless_lease()",
)


def make_leases_endless(url: str) -> None:
    """Have the database let nobody take a mail over that another process has claimed."""
    engine = create_engine(driver_url(url))
    with engine.begin() as connection:
        for statement in _SQLITE if url.startswith("sqlite") else _POSTGRESQL:
            connection.execute(text(statement.replace(":=", r"\:=")))
    engine.dispose()
