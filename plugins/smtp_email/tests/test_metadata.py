"""How the connector introduces itself, and the plugin with it."""

import json
from typing import Any

import idp_smtp_email
import pluggy
from idp_smtp_email import SmtpConfig, SmtpConnector
from idp_smtp_email.tls import TlsOptions
from pydantic.alias_generators import to_camel

from idp import hookspecs
from idp.connector_kit import UsageType

EXAMPLE: dict[str, Any] = dict(SmtpConnector.metadata.example_config)


def test_the_plugin_registers_the_connector() -> None:
    plugins = pluggy.PluginManager("idp")
    plugins.add_hookspecs(hookspecs)
    plugins.register(idp_smtp_email)
    plugins.check_pending()
    assert plugins.hook.idp_register_email_connectors() == [[SmtpConnector]]


def test_the_connector_bears_the_names_logto_gave_it() -> None:
    assert SmtpConnector.metadata.id == "simple-mail-transfer-protocol"
    assert SmtpConnector.metadata.target == "smtp"
    assert set(SmtpConnector.metadata.description) == {"en", "de"}


def test_the_example_works_when_its_placeholders_are_filled_in() -> None:
    filled = json.dumps(EXAMPLE)
    for placeholder, value in {
        "<host>": "smtp.example.com",
        "<username>": "mailer",
        "<password>": "open-sesame-77",
        "<from_email_address@your.domain>": "no-reply@example.com",
        "<reply_to_address@your.domain>": "support@example.com",
    }.items():
        assert placeholder in filled
        filled = filled.replace(placeholder, value)
    config = SmtpConfig.parse(json.loads(filled))
    assert {template.usage_type for template in config.templates} == set(UsageType)


def test_the_example_holds_every_key_of_tls() -> None:
    assert set(EXAMPLE["tls"]) == {to_camel(name) for name in TlsOptions.model_fields}


def test_every_template_of_the_example_holds_its_code_or_link() -> None:
    for template in EXAMPLE["templates"]:
        assert "{{code}}" in template["content"] or "{{link}}" in template["content"]
