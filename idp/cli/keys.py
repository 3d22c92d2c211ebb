"""`idp keys`: the keys that sign tokens."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from idp.cli.workspace import Workspace

app = typer.Typer(help="The keys that sign tokens.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the signing keys: next ones are published, current ones sign, previous ones verify.

    Example: idp keys list
    """
    from idp.cli.workspace import show, work

    show(work(_rows), as_json=as_json)


@app.command("rotate")
def rotate(*, as_json: AsJson = False) -> None:
    """Let the next keys sign and publish new next ones; the previous keys verify nothing any more.

    A running server follows within a minute. Tokens live an hour: wait that long between two
    rotations, unless a key was stolen.

    Example: idp keys rotate
    """
    from idp.administration.audit import Actor
    from idp.administration.keys import rotate as rotate_keys
    from idp.cli.workspace import show, work

    async def rotated(workspace: "Workspace") -> list[dict[str, Any]]:
        await workspace.database.run(rotate_keys, Actor("cli"), workspace.secrets, early=True)
        return await _rows(workspace)

    show(work(rotated), as_json=as_json)


async def _rows(workspace: "Workspace") -> list[dict[str, Any]]:
    from idp.oidc.keys import list_keys

    return [
        {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "state": key.state.value,
            "created_at": key.created_at.isoformat(timespec="seconds"),
        }
        for key in await workspace.database.run(list_keys)
    ]
