"""The JWK Set of the provider (RFC 7517 §5)."""

from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.provider import Provider


async def jwks_endpoint(provider: Provider, request: Request) -> Response:
    """Publish the keys that verify tokens: those of today, of yesterday and of tomorrow."""
    await provider.refresh_keys()
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(provider.keys.published, media_type="application/json", headers=headers)
