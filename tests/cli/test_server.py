"""`idp init` and `idp serve`."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet

from idp.settings import Settings
from idp.web.listening import listen, port_of

Idp = Callable[..., Any]


@pytest.fixture(autouse=True)
def _config(monkeypatch: pytest.MonkeyPatch) -> None:
    # `idp init` names its file in the environment; this gives it back after each test.
    monkeypatch.setenv("IDP_CONFIG", "")
    monkeypatch.delenv("IDP_CONFIG")


def test_init_writes_settings_keys_and_tables_and_says_where(idp: Idp, directory: Path) -> None:
    ran = idp("init", "--issuer", "https://id.example.com")
    assert (ran.status, ran.err) == (0, "")
    keys, config = directory / "idp-secret.keys", directory / "idp.toml"
    assert ran.out.splitlines()[:2] == [f"Wrote {keys}.", f"Wrote {config}."]
    assert "idp connectors set smtp" in ran.out
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert Fernet(keys.read_text().strip())
    assert tomllib.loads(config.read_text()) == {
        "issuer": "https://id.example.com",
        "database_url": f"sqlite:///{directory / 'idp.db'}",
        "secret_keys_file": str(keys),
    }
    assert Settings.load().issuer == "https://id.example.com"
    assert idp("users", "list").out == "none\n"


def test_init_twice_keeps_keys_and_settings(idp: Idp, directory: Path) -> None:
    idp("init", "--issuer", "https://id.example.com")
    files = [directory / "idp-secret.keys", directory / "idp.toml"]
    before = [file.read_text() for file in files]
    ran = idp("init")
    assert ran.status == 0
    assert ran.out.splitlines()[:2] == [f"Kept {file}." for file in files]
    assert [file.read_text() for file in files] == before


def test_init_does_not_pretend_to_change_the_issuer(idp: Idp) -> None:
    idp("init", "--issuer", "https://id.example.com")
    ran = idp("init", "--issuer", "https://other.example.com")
    assert ran.status == 2
    assert "names the issuer https://id.example.com: edit it there" in ran.err


def test_serving_with_the_wrong_keys_is_one_line_and_status_2(idp: Idp, directory: Path) -> None:
    idp("init")
    (directory / "idp-secret.keys").write_text(Fernet.generate_key().decode())
    ran = idp("serve", "--port", "0")
    assert ran.status == 2
    assert "does not hold the key this database was written with" in ran.err


def test_init_makes_the_directory_it_is_given(idp: Idp, directory: Path) -> None:
    assert idp("init", "--dir", directory / "new" / "deployment").status == 0
    names = {file.name for file in (directory / "new" / "deployment").iterdir()}
    assert {"idp.toml", "idp-secret.keys", "idp.db"} <= names


def test_init_uses_a_database_that_is_named(
    idp: Idp, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", f"sqlite:///{directory / 'named.db'}")
    assert idp("init").status == 0
    assert (directory / "named.db").exists()
    assert not (directory / "idp.db").exists()


def test_init_where_nothing_can_be_written_is_one_line(idp: Idp, directory: Path) -> None:
    (directory / "file").write_text("")
    ran = idp("init", "--dir", directory / "file")
    assert ran.status == 2
    assert ran.err.startswith(f"idp: {directory / 'file' / 'idp-secret.keys'} cannot be written: ")
    assert len(ran.err.splitlines()) == 1


def test_init_refuses_a_wrong_issuer_before_it_writes(idp: Idp, directory: Path) -> None:
    ran = idp("init", "--issuer", "http://id.example.com")
    assert ran.status == 2
    assert ran.err.startswith("idp: IDP_ISSUER: must begin with https://")
    assert list(directory.iterdir()) == []


def test_a_taken_port_is_one_line_and_status_2(directory: Path, idp: Idp) -> None:
    idp("init")
    with listen("127.0.0.1", 0, "") as taken:
        ran = _serve(directory, port_of(taken))
        _, errors = ran.communicate(timeout=20)
    assert ran.returncode == 2
    [line] = errors.splitlines()
    assert line.startswith("idp: Port ")
    assert line.endswith("choose another with --port or IDP_PORT.")


def test_the_server_answers_until_it_is_told_to_stop(directory: Path, idp: Idp) -> None:
    idp("init")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = _serve(directory, port)
    try:
        assert _healthz(port) == "ok"
    finally:
        serving.send_signal(signal.SIGTERM)
        _, errors = serving.communicate(timeout=20)
    assert "Traceback" not in errors
    assert serving.returncode in {0, -signal.SIGTERM}


def _serve(directory: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "idp", "serve", "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != "IDP_CONFIG"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=directory, env=environment, text=True, stdout=pipe, stderr=pipe
    )


def _healthz(port: int) -> str:
    for _ in range(200):
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/healthz").text
        except httpx2.ConnectError:
            time.sleep(0.05)
    return "never answered"
