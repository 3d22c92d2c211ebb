"""The guides of mail providers show the settings that the command line prints, and they work."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from idp.cli import app
from idp.plugins import load_plugins

DOCS = Path(__file__).parent.parent / "docs"
GUIDES = sorted((DOCS / "providers").glob("*.md"))
CONNECTOR = load_plugins().connectors["simple-mail-transfer-protocol"]
SERVICES = sorted(CONNECTOR.metadata.example_configs)
PLACEHOLDER = re.compile(r"<([^<>]+)>")


def file_name(guide: Path) -> str:
    return guide.name


def printed(service: str) -> str:
    result = CliRunner().invoke(app, ["connectors", "example-config", "smtp", "--service", service])
    assert result.exit_code == 0
    return result.stdout


def filled(value: Any) -> Any:
    """Replace every placeholder by something of its kind."""
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    return PLACEHOLDER.sub(_sample, value) if isinstance(value, str) else value


def _sample(placeholder: re.Match[str]) -> str:
    name = placeholder[1]
    if name == "private_key":
        key = generate_private_key(65537, 2048)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return "sender@example.com" if "@" in name else f"sample-{name.replace('_', '-')}"


@pytest.mark.parametrize("guide", GUIDES, ids=file_name)
def test_a_guide_shows_what_its_commands_print(guide: Path) -> None:
    page = guide.read_text()
    services = re.findall(r"^`idp connectors example-config smtp --service (\S+)`", page, re.M)
    assert services
    assert re.findall(r"^```json\n(.*?)```$", page, re.M | re.S) == [*map(printed, services)]


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_has_a_guide(service: str) -> None:
    assert any(f"--service {service}`" in guide.read_text() for guide in GUIDES)


@pytest.mark.parametrize("service", SERVICES)
def test_an_example_works_when_its_placeholders_are_filled_in(service: str) -> None:
    example = json.loads(printed(service))
    assert PLACEHOLDER.search(json.dumps(example))
    assert CONNECTOR.config_model.parse(filled(example))


def literals(guide: Path) -> list[list[str]]:
    """Return what stands in code font in each row of the guide's tables."""
    rows = re.findall(r"^\|.*\|$", guide.read_text(), re.M)
    return [sorted(re.findall(r"`([^`]+)`", row)) for row in rows]


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if "." in guide.stem], ids=file_name)
def test_a_translated_guide_names_what_the_english_one_names(guide: Path) -> None:
    assert literals(guide) == literals(guide.with_name(f"{guide.stem.partition('.')[0]}.md"))


KEYS = [field.alias for field in CONNECTOR.config_model.model_fields.values()]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_documented(key: str) -> None:
    table = [line for line in (DOCS / "configure-smtp.md").read_text().splitlines() if "|" in line]
    assert any(line.startswith("| `") and f"`{key}`" in line.split("|")[1] for line in table)


def test_an_unknown_service_names_the_known_ones() -> None:
    command = ["connectors", "example-config", "smtp", "--service", "pigeon"]
    result = CliRunner().invoke(app, command)
    assert "company-relay, gmail," in str(result.exception)
