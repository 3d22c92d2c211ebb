"""How the HTTP connector introduces itself."""

from importlib.resources import files

from idp.connector_kit import Capability, ConnectorMetadata

_DATA = files("idp_http_email")

METADATA = ConnectorMetadata(
    id="http-email",
    target="http",
    name={"en": "HTTP", "de": "HTTP"},
    description={
        "en": "Hands mails to an HTTP endpoint of your own, which words and sends them.",
        "de": "Übergibt E-Mails einem eigenen HTTP-Endpunkt zum Formulieren und Versenden.",
    },
    example_config={
        "endpoint": "<https://example.com/your-http-endpoint>",
        "authorization": "<Bearer your-token>",
        "secret": "<whsec_...>",
        "timeout": 8000,
    },
    capabilities=frozenset({Capability.PROBE, Capability.IDEMPOTENCY_KEY}),
    logo=(_DATA / "logo.svg").read_text("utf-8"),
    guide=(_DATA / "guide.md").read_text("utf-8"),
)
