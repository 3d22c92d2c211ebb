"""What a connector needs whose provider takes mails by HTTP.

It stands apart from `idp.connector_kit` itself because it needs an HTTP client.
"""

from idp.connector_kit.http.answer import HttpAnswer, seconds_until
from idp.connector_kit.http.connector import HttpEmailConnector, HttpMail
from idp.connector_kit.http.endpoint import HttpEndpoint
from idp.connector_kit.http.trace import HttpProbe, HttpStage, HttpTrace

__all__ = [
    "HttpAnswer",
    "HttpEmailConnector",
    "HttpEndpoint",
    "HttpMail",
    "HttpProbe",
    "HttpStage",
    "HttpTrace",
    "seconds_until",
]
