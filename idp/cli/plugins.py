"""`idp plugins`: what is installed and whether it works."""

from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer(help="What is installed and whether it works.", no_args_is_help=True)


@app.callback()
def plugins() -> None:
    """Keep the sub-command's name even while it is the only one."""


@app.command("list")
def list_plugins(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the installed plugins; a broken one shows its problem, and the exit status is 1.

    Example: idp plugins list
    """
    from idp.cli.workspace import show
    from idp.plugins import load_plugins

    reports = load_plugins().reports
    show([asdict(report) for report in reports], as_json=as_json)
    if any(report.problem for report in reports):
        raise typer.Exit(1)
