"""The metadata of the provider (OpenID Connect Discovery §3, RFC 8414 §2)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.oidc.authorization_request import PROMPTS
from idp.oidc.claims import CLAIMS_BY_SCOPE, SCOPES
from idp.oidc.clients import AUTH_METHODS
from idp.oidc.id_token import CLAIMS
from idp.oidc.keys import ALGORITHM
from idp.web.i18n import LOCALES


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
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": PROMPTS,
        "ui_locales_supported": LOCALES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


async def discovery_endpoint(document: Mapping[str, Any], request: Request) -> Response:
    """Publish the metadata."""
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})
