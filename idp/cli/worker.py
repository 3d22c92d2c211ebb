"""`idp worker`: deliver mails, and nothing else."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from idp.app import Server

WORKER_NEEDS_POSTGRESQL = (
    "On SQLite `idp serve` delivers the mails itself: separate workers need PostgreSQL "
    "in IDP_DATABASE_URL."
)


def worker() -> None:
    """Deliver mails until stopped; run as many as you like.

    SIGTERM and SIGINT let the mails under way finish first. Works on PostgreSQL only.

    Example: IDP_DATABASE_URL=postgresql://idp@db/idp idp worker
    """
    import asyncio

    from idp.app import open_server
    from idp.cli.logs import configure_logs
    from idp.cli.process import spare_the_collector
    from idp.settings import Settings, SetupError
    from idp.storage.migrations import check_current

    configure_logs()
    settings = Settings.load()
    if settings.is_sqlite:
        raise SetupError(WORKER_NEEDS_POSTGRESQL)
    check_current(settings.database_url)
    typer.echo("Delivering mails.", err=True)
    server = open_server(settings)
    spare_the_collector()
    with asyncio.Runner(loop_factory=_event_loop()) as runner:
        runner.run(_work(server))


def _event_loop() -> "type[AbstractEventLoop]":
    from asyncio import SelectorEventLoop
    from importlib.util import find_spec

    if find_spec("uvloop") is None:
        return SelectorEventLoop
    from uvloop import Loop

    return Loop


async def _work(server: "Server") -> None:
    import asyncio
    import signal

    from idp.app import running

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(server, deliver=True):
        await stop.wait()
