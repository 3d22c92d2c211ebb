"""How the SendGrid connector introduces itself."""

import json
from importlib.resources import files

from idp.connector_kit import Capability, ConnectorMetadata

_DATA = files("idp_sendgrid_email")

METADATA = ConnectorMetadata(
    id="sendgrid-email-service",
    target="sendgrid",
    name={"en": "SendGrid", "de": "SendGrid"},
    description={
        "en": "Sends mail through the API of SendGrid.",
        "de": "Versendet E-Mails über die API von SendGrid.",
    },
    example_config=json.loads((files("idp_sendgrid_email") / "example.json").read_text("utf-8")),
    # SendGrid may write a Message-ID of its own, and knows no idempotency key.
    capabilities=frozenset({Capability.PROBE, Capability.CUSTOM_TEMPLATE}),
    logo=(_DATA / "logo.svg").read_text("utf-8"),
    guide=(_DATA / "guide.md").read_text("utf-8"),
)
