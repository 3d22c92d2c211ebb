"""The configuration of the HTTP connector: Logto's keys, a secret to sign with, and a time."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from idp.connector_kit import EndpointUrl, FormConfig, HeaderSecret, Milliseconds
from idp_http_email.signature import signing_key


def _signing_secret(secret: SecretStr) -> SecretStr:
    signing_key(secret.get_secret_value())
    return secret


def _as_list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]


class HttpConfig(FormConfig):
    """Settings of one endpoint; a configuration of Logto's HTTP connector fits unchanged."""

    endpoint: EndpointUrl
    """Address that takes the mails."""
    authorization: HeaderSecret | None = None
    """The whole value of the Authorization header, such as `Bearer ...`."""
    secret: Annotated[list[SigningSecret], BeforeValidator(_as_list)] = Field(default_factory=list)
    """What to sign with, `whsec_...`; a list while it is changed."""
    timeout: Milliseconds = 8_000
    """Time for one mail, from the connection to the endpoint's answer, in milliseconds."""
