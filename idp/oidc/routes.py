"""Where the endpoints are mounted; the discovery document is made from the same table."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idp.oidc.account_selection import select_account_page
from idp.oidc.authorize import authorization_endpoint
from idp.oidc.consent import consent_page
from idp.oidc.cors import OpenToScripts
from idp.oidc.device_authorization import DEVICE_PAGE, device_authorization_endpoint
from idp.oidc.device_page import device_page
from idp.oidc.discovery import discovery_endpoint, metadata
from idp.oidc.interactions import CONSENT, SELECT_ACCOUNT
from idp.oidc.introspect import introspection_endpoint
from idp.oidc.jwks import jwks_endpoint
from idp.oidc.logout import end_session_endpoint
from idp.oidc.par import pushed_authorization_request_endpoint
from idp.oidc.provider import Provider
from idp.oidc.revoke import revocation_endpoint
from idp.oidc.token import token_endpoint
from idp.oidc.userinfo import userinfo_endpoint


@dataclass(frozen=True)
class Endpoint:
    """One endpoint under its name in the metadata; scripts of any origin may call `cors` ones."""

    name: str
    path: str
    answer: Callable[[Provider, Request], Awaitable[Response]]
    methods: tuple[str, ...]
    cors: bool = False


# What is asked most comes first, for they are tried one after the other.
ENDPOINTS = (
    Endpoint("jwks_uri", "/oidc/jwks", jwks_endpoint, ("GET",), cors=True),
    Endpoint("token_endpoint", "/oidc/token", token_endpoint, ("POST",), cors=True),
    Endpoint("userinfo_endpoint", "/oidc/userinfo", userinfo_endpoint, ("GET", "POST"), cors=True),
    Endpoint("introspection_endpoint", "/oidc/introspect", introspection_endpoint, ("POST",)),
    Endpoint("authorization_endpoint", "/oidc/authorize", authorization_endpoint, ("GET", "POST")),
    Endpoint("revocation_endpoint", "/oidc/revoke", revocation_endpoint, ("POST",), cors=True),
    Endpoint(
        "pushed_authorization_request_endpoint",
        "/oidc/par",
        pushed_authorization_request_endpoint,
        ("POST",),
    ),
    Endpoint(
        "device_authorization_endpoint",
        "/oidc/device",
        device_authorization_endpoint,
        ("POST",),
    ),
    Endpoint("end_session_endpoint", "/oidc/logout", end_session_endpoint, ("GET", "POST")),
)
PAGES = {SELECT_ACCOUNT: select_account_page, CONSENT: consent_page, DEVICE_PAGE: device_page}
"""What a person may see between an authorization request and its answer; of no use to clients."""
DISCOVERY = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def routes(provider: Provider) -> list[Route]:
    """Return every route of the provider."""
    paths = {endpoint.name: endpoint.path for endpoint in ENDPOINTS}
    document = json.dumps(metadata(provider.settings.issuer, paths)).encode()
    discovery = partial(discovery_endpoint, document)
    return [
        *(_route(path, discovery, ("GET",), cors=True) for path in DISCOVERY),
        *(_route(e.path, partial(e.answer, provider), e.methods, cors=e.cors) for e in ENDPOINTS),
        *(
            _route(path, partial(page, provider), ("GET", "POST"), cors=False)
            for path, page in PAGES.items()
        ),
    ]


def _route(
    path: str,
    answer: Callable[[Request], Awaitable[Response]],
    methods: tuple[str, ...],
    *,
    cors: bool,
) -> Route:
    if not cors:
        return Route(path, answer, methods=methods)
    middleware = Middleware(OpenToScripts, methods=methods)
    return Route(path, answer, methods=(*methods, "OPTIONS"), middleware=[middleware])
