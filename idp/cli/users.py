"""`idp users`: the people with an account."""

from typing import Annotated, Any

import typer

app = typer.Typer(help="The people with an account.", no_args_is_help=True)


@app.command("add")
def add(
    email: Annotated[str, typer.Argument(help="The person's address, taken as verified.")],
    *,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password on the terminal.")
    ] = False,
) -> None:
    """Create an account.

    Example: idp users add alice@example.com --password
    """
    from idp.accounts.passwords import Passwords, is_weak
    from idp.accounts.users import address_key
    from idp.administration.audit import Actor
    from idp.administration.problems import Refused
    from idp.administration.users import NewUser, add_user
    from idp.cli.workspace import Workspace, work
    from idp.settings import SetupError

    try:
        address_key(email)
    except ValueError as error:
        raise SetupError(f"The address {error}.") from error
    chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else ""
    if chosen and is_weak(chosen, email):
        raise SetupError("The password is too short or too easy to guess.")

    async def create(workspace: Workspace) -> None:
        password_hash = await Passwords(workspace.settings).hash(chosen) if chosen else None
        new = NewUser(email=email, password_hash=password_hash)
        try:
            await workspace.database.run(add_user, Actor("cli"), new)
        except Refused as error:
            raise SetupError(error.message) from error

    work(create)
    typer.echo(f"Created {email}.")


@app.command("list")
def list_users(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the newest 100 accounts.

    Example: idp users list --json
    """
    from sqlmodel import Session, col, select

    from idp.cli.workspace import Workspace, show, work
    from idp.storage.tables import User

    def newest(session: Session) -> list[User]:
        return list(session.exec(select(User).order_by(col(User.created_at).desc()).limit(100)))

    async def rows(workspace: Workspace) -> list[dict[str, Any]]:
        return [
            {
                "id": user.id,
                "email": user.email,
                "password": bool(user.password_hash),
                "created_at": user.created_at.isoformat(timespec="seconds"),
            }
            for user in await workspace.database.run(newest)
        ]

    show(work(rows), as_json=as_json)
