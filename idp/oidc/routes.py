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
from idp.oidc.cors import ALLOWED, OpenToScripts
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
from idp.web.direct import DirectCall
from idp.web.security import program_headers, raw_headers, security_headers


@dataclass(frozen=True)
class Endpoint:
    """One endpoint under its name in the metadata.

    Scripts of any origin may call `cors` ones; those with a `page` show something to people.
    """

    name: str
    path: str
    answer: Callable[[Provider, Request], Awaitable[Response]]
    methods: tuple[str, ...]
    cors: bool = False
    page: bool = False


ENDPOINTS = (
    Endpoint("jwks_uri", "/oidc/jwks", jwks_endpoint, ("GET",), cors=True),
    Endpoint("token_endpoint", "/oidc/token", token_endpoint, ("POST",), cors=True),
    Endpoint("userinfo_endpoint", "/oidc/userinfo", userinfo_endpoint, ("GET", "POST"), cors=True),
    Endpoint("introspection_endpoint", "/oidc/introspect", introspection_endpoint, ("POST",)),
    Endpoint(
        "authorization_endpoint",
        "/oidc/authorize",
        authorization_endpoint,
        ("GET", "POST"),
        page=True,
    ),
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
    Endpoint(
        "end_session_endpoint", "/oidc/logout", end_session_endpoint, ("GET", "POST"), page=True
    ),
)
PAGES = {SELECT_ACCOUNT: select_account_page, CONSENT: consent_page, DEVICE_PAGE: device_page}
"""What a person may see between an authorization request and its answer; of no use to clients."""
DISCOVERY = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def routes(provider: Provider) -> list[Route]:
    """Return every route of the provider."""
    return [
        *(_route(endpoint, partial(endpoint.answer, provider)) for endpoint in _all(provider)),
        *(
            Route(path, partial(page, provider), methods=["GET", "POST"])
            for path, page in PAGES.items()
        ),
    ]


def _route(endpoint: Endpoint, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    if not endpoint.cors:
        return Route(endpoint.path, answer, methods=endpoint.methods)
    middleware = [Middleware(OpenToScripts, methods=endpoint.methods)]
    methods = (*endpoint.methods, "OPTIONS")
    return Route(endpoint.path, answer, methods=methods, middleware=middleware)


def direct_calls(provider: Provider) -> dict[str, DirectCall]:
    """Return the endpoints by their path, for programs call them all day."""
    https = not provider.settings.is_loopback
    of_page = raw_headers(security_headers(https=https))
    of_program = raw_headers(program_headers(https=https))
    return {
        endpoint.path: DirectCall(
            partial(endpoint.answer, provider),
            frozenset(endpoint.methods),
            [*(of_page if endpoint.page else of_program), *(ALLOWED if endpoint.cors else ())],
        )
        for endpoint in _all(provider)
    }


def _all(provider: Provider) -> list[Endpoint]:
    """List the endpoints with the documents that tell of them."""
    paths = {endpoint.name: endpoint.path for endpoint in ENDPOINTS}
    document = json.dumps(metadata(provider.settings.issuer, paths)).encode()
    publish = partial(discovery_endpoint, document)
    documents = [Endpoint("", path, publish, ("GET",), cors=True) for path in DISCOVERY]
    return [*documents, *ENDPOINTS]
