"""`idp apps`: the applications that sign people in here."""

import json
from typing import Annotated, Any

import typer

app = typer.Typer(help="The applications that sign people in here.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The name people see.")],
    redirect_uri: Annotated[list[str], typer.Option(help="Where people are sent back to.")],
    *,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people may be sent after signing out.")
    ] = None,
    public: Annotated[bool, typer.Option(help="An app that cannot keep a secret.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register an application; its secret is shown this once.

    Example: idp apps add "Wiki" --redirect-uri https://wiki.example.com/callback
    """
    from idp.cli.workspace import Workspace, work
    from idp.oidc.clients import add_client
    from idp.settings import SetupError

    async def register(workspace: Workspace) -> dict[str, Any]:
        client, secret = await workspace.database.run(
            add_client,
            name=name,
            redirect_uris=redirect_uri,
            public=public,
            post_logout_redirect_uris=post_logout_redirect_uri or (),
        )
        issuer = workspace.settings.issuer
        return {"issuer": issuer, "client_id": client.id, "client_secret": secret}

    try:
        created = work(register)
    except ValueError as error:
        raise SetupError(str(error)) from error
    lines = (f"{key}: {value}" for key, value in created.items() if value)
    typer.echo(json.dumps(created) if as_json else "\n".join(lines))


@app.command("list")
def list_apps(*, as_json: AsJson = False) -> None:
    """List the registered applications.

    Example: idp apps list
    """
    from sqlmodel import Session, col, select

    from idp.cli.workspace import Workspace, show, work
    from idp.storage.tables import Client

    def every(session: Session) -> list[Client]:
        return list(session.exec(select(Client).order_by(col(Client.created_at))))

    async def rows(workspace: Workspace) -> list[dict[str, Any]]:
        clients = await workspace.database.run(every)
        return [
            {"client_id": client.id, "name": client.name, "redirect_uris": client.redirect_uris}
            for client in clients
        ]

    show(work(rows), as_json=as_json)
