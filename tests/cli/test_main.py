"""Every command: help with an example, one line and status 2 when something is to be put right."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer.main

from idp.cli import app

Idp = Callable[..., Any]


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    if isinstance(command, typer.core.TyperGroup):
        for name, inner in command.commands.items():
            yield from commands(inner, *path, name)
    else:
        yield path


EVERY = list(commands(typer.main.get_command(app)))


def test_help_lists_the_commands(idp: Idp) -> None:
    ran = idp("--help")
    assert ran.status == 0
    for name in {path[0] for path in EVERY}:
        assert f" {name} " in ran.out


def test_every_command_is_found() -> None:
    assert ("serve",) in EVERY
    assert ("connectors", "example-config") in EVERY
    assert len(EVERY) >= 15


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_the_help_of_every_command_has_an_example(idp: Idp, path: tuple[str, ...]) -> None:
    ran = idp(*path, "--help")
    assert ran.status == 0
    assert "Example: " in ran.out
    assert f"idp {' '.join(path)}" in ran.out.partition("Example: ")[2]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_an_unknown_option_is_status_2(idp: Idp, path: tuple[str, ...]) -> None:
    assert idp(*path, "--nonsense").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["db", "upgrade"],
        ["apps", "list"],
        ["users", "list"],
        ["connectors", "list"],
        ["templates", "load-shipped"],
    ],
    ids=" ".join,
)
def test_bad_settings_are_one_line_and_status_2(
    idp: Idp, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("IDP_ISSUER", "http://id.example.com")
    ran = idp(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "idp: IDP_ISSUER: must begin with https:// unless the host is a loopback address.\n"
    )


@pytest.mark.parametrize("arguments", [["users", "list"], ["connectors", "list"]], ids=" ".join)
def test_without_tables_a_command_says_how_to_make_them(
    idp: Idp, monkeypatch: pytest.MonkeyPatch, secret_key: str, arguments: list[str]
) -> None:
    monkeypatch.setenv("IDP_SECRET_KEYS", secret_key)
    ran = idp(*arguments)
    assert ran.status == 2
    assert ran.err == (
        "idp: The tables in IDP_DATABASE_URL are not current: run `idp db upgrade`.\n"
    )


def test_the_tables_can_be_made(idp: Idp, monkeypatch: pytest.MonkeyPatch, secret_key: str) -> None:
    monkeypatch.setenv("IDP_SECRET_KEYS", secret_key)
    assert idp("db", "upgrade").out == "The tables are current.\n"
    assert idp("users", "list").out == "none\n"


def test_python_m_idp_is_the_same_command() -> None:
    command = [sys.executable, "-m", "idp", "users", "list"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith("idp: IDP_SECRET_KEYS is not set: run `idp init` once")
    assert len(ran.stderr.splitlines()) == 1


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    listed = "import sys, idp.cli; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "pydantic", "starlette", "uvicorn", "authlib", "structlog", "asyncio"}
    assert heavy.isdisjoint(ran.stdout.split())
