"""`idp plugins`: what is installed and whether it works."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Idp = Callable[..., Any]


@pytest.fixture
def broken(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a plugin that cannot be imported."""
    monkeypatch.syspath_prepend(directory)
    (directory / "cracked.py").write_text("raise OSError('no license')")
    information = directory / "cracked-1.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: cracked\nVersion: 1.2\n")
    (information / "entry_points.txt").write_text("[idp]\ncracked = cracked\n")
    yield
    sys.modules.pop("cracked", None)


def test_the_installed_plugins_are_listed_with_their_connectors(idp: Idp) -> None:
    ran = idp("plugins", "list", "--json")
    assert ran.status == 0
    [smtp] = [row for row in json.loads(ran.out) if row["name"] == "smtp_email"]
    assert smtp["connectors"] == ["simple-mail-transfer-protocol"]
    assert smtp["problem"] is None
    assert "idp-smtp-email" in idp("plugins", "list").out


@pytest.mark.usefixtures("broken")
def test_a_broken_plugin_shows_its_problem_and_is_status_1(idp: Idp) -> None:
    ran = idp("plugins", "list", "--json")
    assert ran.status == 1
    rows = {row["name"]: row["problem"] for row in json.loads(ran.out)}
    assert rows["cracked"] == "OSError: no license"
    assert rows["smtp_email"] is None
