"""How the SMTP connector introduces itself."""

import json
from importlib.resources import files

from idp.connector_kit import Capability, ConnectorMetadata

_DATA = files("idp_smtp_email")


def _provider_configs() -> dict[str, dict[str, object]]:
    """Give every provider the same templates: they are the same for all."""
    shared = json.loads((_DATA / "providers.json").read_text("utf-8"))
    templates = {"templates": shared["templates"]}
    return {name: settings | templates for name, settings in shared["providers"].items()}


METADATA = ConnectorMetadata(
    id="simple-mail-transfer-protocol",
    target="smtp",
    name={"en": "SMTP", "de": "SMTP"},
    description={
        "en": "Sends mail through any mail server or provider that speaks SMTP.",
        "de": "Versendet E-Mails über jeden SMTP-Server, auch über den eines Anbieters.",
    },
    example_config=json.loads((_DATA / "example.json").read_text("utf-8")),
    example_configs=_provider_configs(),
    capabilities=frozenset({Capability.PROBE, Capability.CUSTOM_TEMPLATE, Capability.MESSAGE_ID}),
    logo=(_DATA / "logo.svg").read_text("utf-8"),
    guide=(_DATA / "guide.md").read_text("utf-8"),
)
