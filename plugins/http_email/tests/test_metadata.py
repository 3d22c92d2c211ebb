"""How the connector introduces itself, and the plugin with it."""

import json
from pathlib import Path

import idp_http_email
import pluggy
import pytest
from idp_http_email import HttpConfig, HttpConnector

from idp import hookspecs
from idp.connector_kit import Capability

PLUGIN = Path(__file__).parents[1]
METADATA = HttpConnector.metadata


def test_the_plugin_registers_the_connector() -> None:
    plugins = pluggy.PluginManager("idp")
    plugins.add_hookspecs(hookspecs)
    plugins.register(idp_http_email)
    plugins.check_pending()
    assert plugins.hook.idp_register_email_connectors() == [[HttpConnector]]


def test_the_connector_bears_the_names_logto_gave_it() -> None:
    assert (METADATA.id, METADATA.target) == ("http-email", "http")
    assert set(METADATA.description) == {"en", "de"}


def test_the_connector_is_safe_to_ask_twice_and_leaves_the_wording_to_the_endpoint() -> None:
    assert Capability.IDEMPOTENCY_KEY in METADATA.capabilities
    assert Capability.CUSTOM_TEMPLATE not in METADATA.capabilities


def test_the_example_works_when_its_placeholders_are_filled_in(secret: str) -> None:
    filled = {"endpoint": "https://example.com/mails", "authorization": "Bearer a"}
    config = HttpConfig.parse({**METADATA.example_config, **filled, "secret": secret})
    assert METADATA.example_config["timeout"] == HttpConfig.model_fields["timeout"].default
    assert config.endpoint == "https://example.com/mails"


def test_the_example_of_the_readme_works() -> None:
    example = (PLUGIN / "README.md").read_text().partition("```json\n")[2].partition("```")[0]
    config = HttpConfig.parse(json.loads(example.replace("<", "").replace(">", "")))
    assert config.endpoint == "https://example.com/your-http-endpoint"


@pytest.mark.parametrize("key", METADATA.example_config)
def test_every_key_is_documented(key: str) -> None:
    page = PLUGIN.parents[1] / "docs" / "configure-http.md"
    assert f"\n| `{key}` | " in page.read_text()
