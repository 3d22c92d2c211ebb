"""`idp db`: the tables."""

import typer

app = typer.Typer(help="The tables.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """Keep the sub-command's name even while it is the only one."""


@app.command("upgrade")
def upgrade() -> None:
    """Bring the database to the tables of this version.

    Example: IDP_DATABASE_URL=postgresql://idp@db/idp idp db upgrade
    """
    from idp.settings import Settings
    from idp.storage.migrations import upgrade as upgrade_tables

    upgrade_tables(Settings.load().database_url)
    typer.echo("The tables are current.")
