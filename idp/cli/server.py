"""`idp init` and `idp serve`: set a deployment up and run it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from idp.cli.workspace import Workspace


def init(
    directory: Annotated[Path, typer.Option("--dir", help="Where the files are kept.")] = Path(),
    issuer: Annotated[
        str | None,
        typer.Option(help="Public https address of the server; http://localhost:8000 if left out."),
    ] = None,
) -> None:
    """Write settings and secret keys once, and prepare the database.

    What exists is kept. A database named by IDP_DATABASE_URL is used instead of a new file.

    Example: idp init --issuer https://id.example.com
    """
    import os

    from cryptography.fernet import Fernet

    from idp.cli.workspace import work_on
    from idp.settings import CONFIG_VARIABLE, DEFAULT_CONFIG_FILE, Settings, SetupError
    from idp.storage.migrations import upgrade

    directory = directory.resolve()
    keys, config = directory / "idp-secret.keys", directory / DEFAULT_CONFIG_FILE
    secret_key = Fernet.generate_key().decode()
    database_url = os.environ.get("IDP_DATABASE_URL", f"sqlite:///{directory / 'idp.db'}")
    os.environ.pop(CONFIG_VARIABLE, None)
    wanted = issuer or "http://localhost:8000"
    if not config.exists():  # what is wrong must not be written, for it would be kept
        Settings.load(issuer=wanted, database_url=database_url, secret_keys=[secret_key])
    _write_once(keys, secret_key + "\n", mode=0o600)
    lines = {"issuer": wanted, "database_url": database_url, "secret_keys_file": str(keys)}
    _write_once(config, "".join(f"{key} = {json.dumps(lines[key])}\n" for key in lines))
    os.environ[CONFIG_VARIABLE] = str(config)
    settings = Settings.load()
    if issuer and settings.issuer != issuer.rstrip("/"):
        raise SetupError(
            f"{config} was kept and names the issuer {settings.issuer}: edit it there."
        )
    upgrade(settings.database_url)
    work_on(settings, _look_around)
    typer.echo("The database is ready. Next: idp connectors set smtp --config FILE; idp serve")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    smtp_port: Annotated[int, typer.Option(help="SMTP port of the development mailbox.")] = 1025,
    worker: Annotated[
        bool, typer.Option(help="Deliver mails here, too; otherwise `idp worker` must run.")
    ] = True,
) -> None:
    """Serve the pages and protocols, and deliver the mails.

    Example: idp serve --port 8000
    """
    import uvicorn

    from idp.app import create_app
    from idp.cli.logs import configure_logs
    from idp.cli.process import spare_the_collector
    from idp.cli.worker import WORKER_NEEDS_POSTGRESQL
    from idp.cli.workspace import work_on
    from idp.demo.attach import attach_mailbox
    from idp.demo.mailbox import Mailbox
    from idp.settings import Settings, SetupError
    from idp.storage.migrations import check_current, upgrade
    from idp.web.listening import listen, port_of

    configure_logs()
    given = {"host": host, "port": port}
    settings = Settings.load(**{name: value for name, value in given.items() if value is not None})
    if settings.is_sqlite and not worker:
        raise SetupError(WORKER_NEEDS_POSTGRESQL)
    prepare = upgrade if settings.is_sqlite else check_current
    prepare(settings.database_url)
    connectors = work_on(settings, _look_around)
    listener = listen(settings.host, settings.port, "--port or IDP_PORT")
    if not connectors:
        typer.echo("No email connector is saved: mails wait for `idp connectors set`.", err=True)
    app = create_app(settings, deliver=worker)
    if settings.dev_mailbox:
        smtp = listen("127.0.0.1", smtp_port, "--smtp-port")
        attach_mailbox(app, Mailbox(Path("idp-dev-mails")), smtp)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        server_header=False,
    )
    typer.echo(f"Serving {settings.issuer} on {settings.host}:{port_of(listener)}", err=True)
    spare_the_collector()
    uvicorn.Server(config).run(sockets=[listener])


async def _look_around(workspace: "Workspace") -> int:
    """Make the first signing key, or see that it can be read; return how many connectors exist."""
    from idp.connectors import list_connectors
    from idp.oidc.keys import load_signing_keys

    await workspace.database.run(load_signing_keys, workspace.secrets)
    return len(await workspace.database.run(list_connectors))


def _write_once(file: Path, text: str, mode: int = 0o644) -> None:
    import os

    from idp.settings import SetupError

    if file.exists():
        typer.echo(f"Kept {file}.")
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise SetupError(f"{file} cannot be written: {error.strerror}.") from error
    with open(descriptor, "w") as opened:  # noqa: PTH123 (the mode was given at creation)
        opened.write(text)
    typer.echo(f"Wrote {file}.")
