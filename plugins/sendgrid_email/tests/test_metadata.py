"""How the connector introduces itself, and the plugin with it."""

import json
from pathlib import Path
from typing import Any

import idp_sendgrid_email
import pluggy
import pytest
from idp_sendgrid_email import SendGridConfig, SendGridConnector

from idp import hookspecs
from idp.connector_kit import Capability, UsageType

PLUGIN = Path(__file__).parents[1]
EXAMPLE: dict[str, Any] = dict(SendGridConnector.metadata.example_config)


def test_the_plugin_registers_the_connector() -> None:
    plugins = pluggy.PluginManager("idp")
    plugins.add_hookspecs(hookspecs)
    plugins.register(idp_sendgrid_email)
    plugins.check_pending()
    assert plugins.hook.idp_register_email_connectors() == [[SendGridConnector]]


def test_the_connector_bears_the_names_logto_gave_it() -> None:
    assert SendGridConnector.metadata.id == "sendgrid-email-service"
    assert SendGridConnector.metadata.target == "sendgrid"
    assert set(SendGridConnector.metadata.description) == {"en", "de"}


def test_the_connector_does_not_promise_what_sendgrid_does_not() -> None:
    capabilities = SendGridConnector.metadata.capabilities
    assert not {Capability.MESSAGE_ID, Capability.IDEMPOTENCY_KEY} & capabilities


def filled(example: str) -> Any:
    for placeholder, value in {
        "<api-key>": "SG.key",
        "<verified_sender@your.domain>": "no-reply@example.com",
        "<name>": "Example",
    }.items():
        example = example.replace(placeholder, value)
    assert "<" not in example
    return json.loads(example)


def test_the_example_works_when_its_placeholders_are_filled_in() -> None:
    config = SendGridConfig.parse(filled(json.dumps(EXAMPLE)))
    assert {template.usage_type for template in config.templates} == set(UsageType)


def test_the_example_of_the_readme_works() -> None:
    example = (PLUGIN / "README.md").read_text().partition("```json\n")[2].partition("```")[0]
    assert SendGridConfig.parse(filled(example)).from_email == "no-reply@example.com"


@pytest.mark.parametrize("key", EXAMPLE)
def test_every_key_is_documented(key: str) -> None:
    page = PLUGIN.parents[1] / "docs" / "configure-sendgrid.md"
    assert f"\n| `{key}` | " in page.read_text()


def test_the_example_shows_the_defaults() -> None:
    fields = SendGridConfig.model_fields
    assert EXAMPLE["baseUrl"] == fields["base_url"].default
    assert EXAMPLE["timeout"] == fields["timeout"].default
