"""What a command works on: the deployment the settings describe, opened and closed around it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import typer

from idp.plugins import Plugins, load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets, open_database
from idp.storage.migrations import check_current

T = TypeVar("T")


@dataclass(frozen=True)
class Workspace:
    """An open deployment."""

    settings: Settings
    database: Database
    secrets: Secrets
    plugins: Plugins


def work(task: Callable[[Workspace], Awaitable[T]]) -> T:
    """Run a task on the deployment the settings describe; raises SetupError."""
    settings = Settings.load()
    check_current(settings.database_url)
    return work_on(settings, task)


def work_on(settings: Settings, task: Callable[[Workspace], Awaitable[T]]) -> T:
    """Run a task on a deployment whose tables are known to be current."""
    return asyncio.run(_work(settings, task))


async def _work(settings: Settings, task: Callable[[Workspace], Awaitable[T]]) -> T:
    database = open_database(settings.database_url)
    secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
    try:
        return await task(Workspace(settings, database, secrets, load_plugins()))
    finally:
        await database.aclose()


def show(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table for people or as JSON for programs."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    if not rows:
        typer.echo("none")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=name.endswith("id"))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
