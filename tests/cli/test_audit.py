"""What is changed on the command line is in the audit log, as at the console and the API."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Idp = Callable[..., Any]

APP = ("apps", "add", "Wiki", "--redirect-uri", "https://wiki.example.com/callback", "--json")


def _entries(directory: Path) -> list[tuple[str, str]]:
    [file] = directory.rglob("*.db")
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT actor_type, action FROM audit_entry ORDER BY id")
        return list(rows)


@pytest.mark.parametrize(
    ("command", "action"),
    [
        (("users", "add", "alice@example.com"), "user.create"),
        (APP, "application.create"),
        (("apps", "api", "https://api.example.com/", "Orders"), "resource.save"),
        (("templates", "load-shipped", "en"), "email-template.load-shipped"),
    ],
)
def test_a_change_is_audited(
    ready: Idp, directory: Path, command: tuple[str, ...], action: str
) -> None:
    assert ready(*command).status == 0
    assert _entries(directory) == [("cli", action)]


def test_what_happens_to_an_application_is_audited(ready: Idp, directory: Path) -> None:
    client_id = json.loads(ready(*APP).out)["client_id"]
    ready("apps", "secret", client_id)
    ready("apps", "remove", client_id)
    actions = [action for _, action in _entries(directory)]
    assert actions == ["application.create", "application.secret.create", "application.delete"]


def test_what_is_refused_leaves_no_entry(ready: Idp, directory: Path) -> None:
    ready("users", "add", "alice@example.com")
    assert ready("users", "add", "Alice@example.com").status != 0
    assert len(_entries(directory)) == 1
