"""The metadata of the provider (OpenID Connect Discovery §3, RFC 8414 §2)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.authorization_checks import PROMPTS, RESPONSE_MODES
from idp.oidc.authorization_request import ACR
from idp.oidc.claims import CLAIMS_BY_SCOPE, SCOPES
from idp.oidc.client_assertion import ALGORITHMS as ASSERTION_ALGORITHMS
from idp.oidc.client_metadata import AUTH_METHODS, GRANT_TYPES
from idp.oidc.dpop import ALGORITHMS as DPOP_ALGORITHMS
from idp.oidc.id_token import CLAIMS
from idp.oidc.keys import ALGORITHMS
from idp.oidc.provider import Provider
from idp.oidc.request_object import ALGORITHMS as REQUEST_OBJECT_ALGORITHMS
from idp.web.i18n import LOCALES

_ANSWERS: Mapping[str, Any] = {
    "response_types_supported": ["code"],
    "response_modes_supported": RESPONSE_MODES,
    "grant_types_supported": GRANT_TYPES,
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
}
"""What an authorization gives, and how (RFC 8414 §2, RFC 9207 §3)."""

_REQUESTS: Mapping[str, Any] = {
    "prompt_values_supported": PROMPTS,
    "ui_locales_supported": LOCALES,
    "acr_values_supported": [ACR],
    "claims_parameter_supported": True,
    "request_parameter_supported": True,
    "request_object_signing_alg_values_supported": REQUEST_OBJECT_ALGORITHMS,
    "request_uri_parameter_supported": False,
}
"""What a client may ask for (OIDC Discovery §3)."""

_TOKENS: Mapping[str, Any] = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ALGORITHMS,
    "userinfo_signing_alg_values_supported": ALGORITHMS,
    "dpop_signing_alg_values_supported": DPOP_ALGORITHMS,
}
"""How tokens and answers are signed (OIDC Discovery §3, RFC 9449 §5.1)."""

_AUTHENTICATION: Mapping[str, Any] = {
    "token_endpoint_auth_methods_supported": AUTH_METHODS,
    "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    "introspection_endpoint_auth_methods_supported": AUTH_METHODS[:-1],
    "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
    "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
}
"""How clients prove who they are (RFC 8414 §2)."""

_LOGOUT: Mapping[str, Any] = {
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
}
"""Back-Channel Logout 1.0 §2.1."""


def metadata(issuer: str, endpoints: Mapping[str, str]) -> dict[str, Any]:
    """Describe the provider; `endpoints` holds the path of each endpoint by its metadata name."""
    claims = dict.fromkeys(CLAIMS)
    for of_scope in CLAIMS_BY_SCOPE.values():
        claims.update(dict.fromkeys(of_scope))
    return {
        "issuer": issuer,
        **{name: issuer + path for name, path in endpoints.items()},
        "scopes_supported": SCOPES,
        "claims_supported": list(claims),
        **_ANSWERS,
        **_REQUESTS,
        **_TOKENS,
        **_AUTHENTICATION,
        **_LOGOUT,
    }


async def discovery_endpoint(document: bytes, provider: Provider, request: Request) -> Response:
    """Publish the metadata, which were put into words once."""
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(document, media_type="application/json", headers=headers)
