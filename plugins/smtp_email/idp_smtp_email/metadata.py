"""How the SMTP connector introduces itself."""

import json
from importlib.resources import files

from idp.connector_kit import Capability, ConnectorMetadata

METADATA = ConnectorMetadata(
    id="simple-mail-transfer-protocol",
    target="smtp",
    name={"en": "SMTP", "de": "SMTP"},
    description={
        "en": "Sends mail through any mail server or provider that speaks SMTP.",
        "de": "Versendet E-Mails über jeden SMTP-Server, auch über den eines Anbieters.",
    },
    example_config=json.loads((files("idp_smtp_email") / "example.json").read_text("utf-8")),
    capabilities=frozenset({Capability.CUSTOM_TEMPLATE, Capability.MESSAGE_ID}),
)
