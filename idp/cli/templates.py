"""`idp templates`: the wording of mails, by language."""

from typing import Annotated

import typer

app = typer.Typer(help="The wording of mails, by language.", no_args_is_help=True)


@app.callback()
def templates() -> None:
    """Keep the sub-command's name even while it is the only one."""


@app.command("load-shipped")
def load_shipped(
    locale: Annotated[
        list[str] | None, typer.Argument(help="Language tags; every shipped one if none is given.")
    ] = None,
) -> None:
    """Save the shipped templates as your own, in place of those you have for these languages.

    Example: idp templates load-shipped en de
    """
    from idp.administration.audit import Actor
    from idp.administration.email_templates import load_shipped as load_templates
    from idp.cli.workspace import Workspace, work
    from idp.connector_kit.shipped_templates import shipped_locales
    from idp.settings import SetupError

    wanted = locale or shipped_locales()
    for tag in wanted:
        if tag not in shipped_locales():
            known = ", ".join(shipped_locales())
            raise SetupError(f"No templates are shipped for {tag}; there are {known}.")

    async def load(workspace: Workspace) -> None:
        await workspace.database.run(load_templates, Actor("cli"), wanted)

    work(load)
    typer.echo(f"Saved the shipped templates for {', '.join(wanted)}.")
