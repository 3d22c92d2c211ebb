"""The `idp` command. What a command needs is imported when it runs, so that help is quick."""

import sys

import typer

from idp.cli import (
    admin_link,
    apps,
    connectors,
    database,
    demo,
    keys,
    messages,
    openapi,
    plugins,
    server,
    templates,
    users,
    worker,
)

app = typer.Typer(
    name="idp",
    help="An OpenID Connect identity server whose email never fails.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("serve")(server.serve)
app.command("worker")(worker.worker)
app.command("init")(server.init)
app.command("admin-link")(admin_link.admin_link)
app.command("openapi")(openapi.openapi)
app.add_typer(connectors.app, name="connectors")
app.add_typer(messages.app, name="messages")
app.add_typer(apps.app, name="apps")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(templates.app, name="templates")
app.add_typer(plugins.app, name="plugins")
app.add_typer(database.app, name="db")


def main() -> None:
    """Run the command line; what must be put right first is one line and exit status 2."""
    from idp.administration.problems import Problem
    from idp.connector_kit import InvalidConfig
    from idp.settings import SetupError

    try:
        app()
    except (SetupError, InvalidConfig, Problem) as error:
        typer.echo(f"idp: {error}", err=True)
        sys.exit(2)
