"""`idp admin-link`: the link that makes the first administrator."""

from typing import Annotated

import typer


def admin_link(
    email: Annotated[str, typer.Argument(help="Address of the account that gets the role.")],
    *,
    minutes: Annotated[int, typer.Option(min=1, help="How long the link works.")] = 60,
) -> None:
    """Print a link that makes one account an administrator; it works once.

    The account is made if there is none. Who opens the link is signed in to it, so give it to
    nobody else.

    Example: idp admin-link alice@example.com
    """
    from datetime import timedelta

    from idp.administration.administrators import issue_administrator_link
    from idp.cli.workspace import Workspace, work
    from idp.settings import SetupError

    async def issue(workspace: Workspace) -> str:
        lifetime = timedelta(minutes=minutes)
        return await workspace.database.run(
            issue_administrator_link, workspace.settings, email, lifetime
        )

    try:
        typer.echo(work(issue))
    except ValueError as error:
        raise SetupError(f"The address {error}.") from error
