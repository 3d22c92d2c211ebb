"""The documentation says what is there, and its examples run."""

import importlib.util
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from idp import hookspecs
from idp.cli import app
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connector_kit.testing import EmailConnectorConformance, ReceivedEmail
from idp.plugins import load_plugins
from idp.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
EXAMPLE = DOCS / "examples" / "maildrop.py"


def load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maildrop", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["maildrop"] = module
    spec.loader.exec_module(module)
    return module


maildrop = load_example()


@dataclass
class Maildrop:
    """The directory a connector writes into."""

    directory: Path

    @property
    def config(self) -> dict[str, object]:
        templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
        sender = "idp@example.test"
        return {"directory": str(self.directory), "fromEmail": sender, "templates": templates}

    def received(self) -> list[ReceivedEmail]:
        files = sorted(self.directory.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        mails = [ReceivedEmail.from_bytes(file.read_bytes(), []) for file in files]
        return [ReceivedEmail.from_bytes(bytes(m.headers), [str(m.headers["To"])]) for m in mails]


class TestTheExampleConnector(EmailConnectorConformance):
    connector_class = maildrop.MaildropConnector

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Maildrop]:
        with TemporaryDirectory() as directory:
            yield Maildrop(Path(directory))


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "write-a-connector.md"])
def test_a_page_shows_the_example_that_is_tested(page: Path) -> None:
    assert f"```python\n{EXAMPLE.read_text()}```" in page.read_text()


def test_the_example_has_forty_lines_and_is_found_as_a_plugin() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 40
    plugins = load_plugins([maildrop])
    assert plugins.by_target("maildrop") is maildrop.MaildropConnector


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    page = (DOCS / "run-in-production.md").read_text()
    row = re.search(rf"^\| `IDP_{name.upper()}` \| (.*?) \| (.+) \|$", page, re.MULTILINE)
    assert row, f"IDP_{name.upper()} is missing"
    field = Settings.model_fields[name]
    assert row[2] == field.description
    assert row[1] == _default(field.get_default(), required=field.is_required())


def _default(value: Any, *, required: bool) -> str:
    if required:
        return "required"
    return "" if value is None else f"`{str(value).lower() if value in (True, False) else value}`"


HOOKS = [name for name in vars(hookspecs) if name.startswith("idp_")]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_its_arguments(name: str) -> None:
    arguments = ", ".join(getattr(hookspecs, name).__annotations__.keys() - {"return"})
    heading = re.search(rf"^## {name}\((.*)\)$", (DOCS / "hooks.md").read_text(), re.MULTILINE)
    assert heading
    assert set(filter(None, heading[1].split(", "))) == set(filter(None, arguments.split(", ")))


def commands(group: Any, prefix: str = "idp") -> dict[str, Any]:
    """Return every command with the words that call it."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        words = f"{prefix} {name}"
        found |= commands(command, words) if hasattr(command, "commands") else {words: command}
    return found


COMMANDS = commands(get_command(app))


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_documented_and_shows_an_example(words: str) -> None:
    assert f"`{words}" in (DOCS / "cli.md").read_text()
    assert "Example:" in (COMMANDS[words].help or "")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda p: p.name
)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?://)[^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert [page for page in pages if f"- {page}\n" not in navigation] == []
