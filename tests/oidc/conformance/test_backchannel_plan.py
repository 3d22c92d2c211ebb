"""oidcc-backchannel-rp-initiated-logout-certification-test-plan, with a client that listens."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs

import pytest
from http_server import HttpRequest, HttpServer, reply, running_http_server
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlmodel import Session

from idp.app import open_server, running
from idp.oidc.logout_tokens import EVENT
from idp.outbox import Outbox
from idp.storage.tables import Client
from tests.oidc.conformance.relying_party import RelyingParty
from tests.oidc.conftest import ISSUER, Site

HOME = "https://app.example/"


@pytest.fixture
def receiver(site: Site) -> Iterator[HttpServer]:
    """Let the provider deliver what it promises, to a client that takes it."""
    server = open_server(site.provider.settings)
    site.provider.outbox = Outbox(
        server.settings, server.secrets, server.plugins, server.carrier.defer
    )
    portal = site.browser.portal
    assert portal
    with ExitStack() as stack:
        enter = stack.enter_context
        listening = running_http_server(lambda _: reply(200, Cache_Control="no-store"))
        listener: HttpServer = enter(portal.wrap_async_context_manager(listening))
        enter(portal.wrap_async_context_manager(running(server, deliver=True)))
        site.work(_let_listen, f"http://127.0.0.1:{listener.port}/backchannel_logout")
        yield listener


def _let_listen(session: Session, uri: str) -> None:
    client = session.get_one(Client, "old")
    client.post_logout_redirect_uris = [HOME]
    client.backchannel_logout_uri = uri
    client.backchannel_logout_session_required = True


def _received(site: Site, receiver: HttpServer) -> HttpRequest:
    assert site.browser.portal
    until = time.monotonic() + 20
    while not receiver.requests and time.monotonic() < until:
        site.browser.portal.call(asyncio.sleep, 0.01)
    [request] = receiver.requests
    return request


def test_oidcc_backchannel_logout_discovery_endpoint_verification(site: Site) -> None:
    document = site.browser.get("/.well-known/openid-configuration").json()
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    assert document["end_session_endpoint"].endswith("/oidc/logout")


def test_oidcc_backchannel_rp_initiated_logout(site: Site, receiver: HttpServer) -> None:
    rp = RelyingParty(site, None)
    signed_in = rp.sign_in(client_id="old")
    asked = {"id_token_hint": signed_in.tokens["id_token"], "state": "a state"}
    asked["post_logout_redirect_uri"] = HOME
    left = site.browser.get("/oidc/logout", params=asked)
    assert left.headers["location"] == f"{HOME}?state=a+state"
    request = _received(site, receiver)
    _check_logout_token(site, request, signed_in.claims)
    assert rp.answer(rp.request(prompt="none"))["error"] == "login_required"


def _check_logout_token(site: Site, request: HttpRequest, id_token: dict[str, object]) -> None:
    """Make the checks the suite makes of a back-channel request (§2.4, §2.5)."""
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    form = parse_qs(request.body.decode(), strict_parsing=True)
    assert list(form) == ["logout_token"]
    keys = KeySet.import_key_set(site.browser.get("/oidc/jwks").json())
    token = jwt.decode(form["logout_token"][0], keys, algorithms=["RS256"])
    claims = token.claims
    assert token.header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"]) == (ISSUER, "old")
    assert abs(claims["iat"] - time.time()) < 60
    assert claims["exp"] > claims["iat"]
    assert claims["events"] == {EVENT: {}}
    assert claims["jti"]
    assert "nonce" not in claims
    assert (claims["sub"], claims["sid"]) == (id_token["sub"], id_token["sid"])
