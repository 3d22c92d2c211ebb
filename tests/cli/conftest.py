"""The command line as it is called, in a directory of its own."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from idp.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    status: int
    out: str
    err: str


Idp = Callable[..., Ran]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    yield
    structlog.reset_defaults()  # a command may have set them up to write to this test's capture


@pytest.fixture
def idp(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Idp:
    """Run `idp` with these arguments, and this text on standard input."""

    def run(*arguments: object, typed: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["idp", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return run


@pytest.fixture
def ready(idp: Idp, monkeypatch: pytest.MonkeyPatch, directory: Path) -> Idp:
    """Run `idp` in a directory where `idp init` has been run."""
    monkeypatch.setenv("IDP_CONFIG", "idp.toml")  # which init overwrites, and the test gives back
    assert idp("init").status == 0
    return idp
