"""`idp apps`: the applications that sign people in here."""

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from idp.cli.workspace import Workspace

T = TypeVar("T")

app = typer.Typer(help="The applications that sign people in here.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ClientId = Annotated[str, typer.Argument(help="The client_id, as `idp apps list` shows it.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The name people see.")],
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people are sent back to.")
    ] = None,
    *,
    post_logout_redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people may be sent after signing out.")
    ] = None,
    grant_type: Annotated[
        list[str] | None, typer.Option(help="How it gets tokens, as RFC 7591 names it.")
    ] = None,
    scope: Annotated[str | None, typer.Option(help="The scopes it may have.")] = None,
    public: Annotated[bool, typer.Option(help="An app that cannot keep a secret.")] = False,
    jwks: Annotated[
        Path | None, typer.Option(help="Its public keys: it signs instead of sending a secret.")
    ] = None,
    jwks_uri: Annotated[str | None, typer.Option(help="Where such keys are found instead.")] = None,
    third_party: Annotated[
        bool, typer.Option("--third-party", help="Of somebody else: people are asked for consent.")
    ] = False,
    id_token_signed_response_alg: Annotated[
        str | None, typer.Option(help="RS256 (default), ES256 or Ed25519.")
    ] = None,
    userinfo_signed_response_alg: Annotated[
        str | None, typer.Option(help="Answer userinfo as a JWT signed with this.")
    ] = None,
    backchannel_logout_uri: Annotated[
        str | None, typer.Option(help="Where it is told that a session has ended.")
    ] = None,
    backchannel_logout_session_required: Annotated[
        bool, typer.Option("--backchannel-logout-session-required", help="It goes by the session.")
    ] = False,
    dpop_bound_access_tokens: Annotated[
        bool, typer.Option("--dpop-bound-access-tokens", help="Every token is bound to a key.")
    ] = False,
    management: Annotated[
        bool, typer.Option("--management", help="A program that uses the management API.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register an application; its secret is shown this once.

    Example: idp apps add "Wiki" --redirect-uri https://wiki.example.com/callback
    """
    from idp.administration.access import MANAGEMENT_GRANTS, SCOPE, register_management_api
    from idp.administration.applications import register as register_application
    from idp.administration.audit import Actor
    from idp.oidc.client_metadata import ClientMetadata

    optional: dict[str, Any] = {
        "grant_types": MANAGEMENT_GRANTS if management else grant_type,
        "scope": SCOPE if management else scope,
        "jwks": _read_jwks(jwks) if jwks else None,
        "jwks_uri": jwks_uri,
        "id_token_signed_response_alg": id_token_signed_response_alg,
        "userinfo_signed_response_alg": userinfo_signed_response_alg,
        "backchannel_logout_uri": backchannel_logout_uri,
    }
    metadata = ClientMetadata(
        name=name,
        redirect_uris=redirect_uri or (),
        post_logout_redirect_uris=post_logout_redirect_uri or (),
        public=public,
        first_party=not third_party,
        backchannel_logout_session_required=backchannel_logout_session_required,
        dpop_bound_access_tokens=dpop_bound_access_tokens,
        **{key: value for key, value in optional.items() if value},
    )

    async def register(workspace: "Workspace") -> dict[str, Any]:
        if management:
            await workspace.database.run(register_management_api, workspace.settings.issuer)
        actor = Actor("cli")
        client, secret = await workspace.database.run(register_application, actor, metadata)
        issuer = workspace.settings.issuer
        return {"issuer": issuer, "client_id": client.id, "client_secret": secret}

    _print(_work(register), as_json=as_json)


@app.command("list")
def list_apps(*, as_json: AsJson = False) -> None:
    """List the registered applications.

    Example: idp apps list
    """
    from sqlmodel import Session, col, select

    from idp.cli.workspace import show
    from idp.storage.tables import Client

    def every(session: Session) -> list[Client]:
        return list(session.exec(select(Client).order_by(col(Client.created_at))))

    async def rows(workspace: "Workspace") -> list[dict[str, Any]]:
        clients = await workspace.database.run(every)
        return [
            {"client_id": client.id, "name": client.name, "redirect_uris": client.redirect_uris}
            for client in clients
        ]

    show(_work(rows), as_json=as_json)


@app.command("secret")
def secret(
    client_id: ClientId,
    *,
    expires_in_days: Annotated[
        int | None, typer.Option(min=1, help="When it ends; never, if this is left out.")
    ] = None,
    others_end_in_hours: Annotated[
        int | None, typer.Option(min=0, help="When the secrets there are end; 0 ends them now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give an application one more secret; it is shown this once.

    Both work until the old one ends, so nothing has to stop for the change.

    Example: idp apps secret CLIENT_ID --others-end-in-hours 24
    """
    from idp.administration.applications import rotate_secret
    from idp.administration.audit import Actor
    from idp.storage.tables import now

    expires_at = now() + timedelta(days=expires_in_days) if expires_in_days else None
    others = others_end_in_hours
    others_expire_at = None if others is None else now() + timedelta(hours=others)

    async def give(workspace: "Workspace") -> dict[str, Any]:
        until: dict[str, Any]
        until = {"expires_at": expires_at, "others_expire_at": others_expire_at}
        made = await workspace.database.run(rotate_secret, Actor("cli"), client_id, **until)
        return {"client_id": client_id, "client_secret": made}

    _print(_work(give), as_json=as_json)


@app.command("api")
def api(
    identifier: Annotated[str, typer.Argument(help="The URI that clients name as `resource`.")],
    name: Annotated[str, typer.Argument(help="The name people see.")],
    *,
    scope: Annotated[str, typer.Option(help="The scopes it knows, separated by spaces.")] = "",
) -> None:
    """Register an API, or change it; access tokens for it are signed JWTs.

    Example: idp apps api https://api.example.com/ "Orders" --scope "read:orders write:orders"
    """
    from idp.administration.applications import register_api
    from idp.administration.audit import Actor

    async def save(workspace: "Workspace") -> None:
        await workspace.database.run(register_api, Actor("cli"), identifier, name, scope)

    _work(save)


@app.command("remove")
def remove(client_id: ClientId) -> None:
    """Forget an application; what it was granted ends.

    Example: idp apps remove CLIENT_ID
    """
    from idp.administration.applications import remove_application
    from idp.administration.audit import Actor

    async def forget(workspace: "Workspace") -> None:
        await workspace.database.run(remove_application, Actor("cli"), client_id)

    _work(forget)


def _work(task: "Callable[[Workspace], Awaitable[T]]") -> T:
    """Run a task; what the application must not be is told in one line."""
    from idp.administration.problems import NotFound, Problem
    from idp.cli.workspace import work
    from idp.settings import SetupError

    try:
        return work(task)
    except NotFound as error:
        raise SetupError("There is no application with this client_id.") from error
    except Problem as error:
        raise SetupError(error.message) from error
    except ValueError as error:
        raise SetupError(str(error)) from error


def _read_jwks(file: Path) -> dict[str, Any]:
    from idp.settings import SetupError

    try:
        jwks: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"--jwks: {file} cannot be read as JSON.") from error
    return jwks


def _print(made: dict[str, Any], *, as_json: bool) -> None:
    lines = (f"{key}: {value}" for key, value in made.items() if value)
    typer.echo(json.dumps(made) if as_json else "\n".join(lines))
