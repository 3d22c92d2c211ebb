"""The JWK Set of the provider (RFC 7517 §5)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.oidc.provider import Provider


async def jwks_endpoint(provider: Provider, request: Request) -> Response:
    """Publish the keys that verify id tokens."""
    return JSONResponse(provider.keys.jwks, headers={"Cache-Control": "public, max-age=300"})
