"""Keys of clients that are found at an address of the client."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from http_server import HttpServer, reply, running_http_server
from joserfc import jwt
from joserfc.jwk import ECKey

from idp.oidc.client_assertion import ASSERTION_TYPE
from idp.oidc.client_keys import ClientKeys, import_keys
from tests.oidc.conftest import CALLBACK, ISSUER, Site, answered, register

KEY = ECKey.generate_key("P-256", auto_kid=True)
NEXT_KEY = ECKey.generate_key("P-256", auto_kid=True)


def published(*keys: ECKey) -> bytes:
    return reply(200, {"keys": [key.as_dict(private=False) for key in keys]})


class Signer:
    """A client whose keys are found at its own server."""

    def __init__(self, site: Site, server: HttpServer) -> None:
        self.site, self.server = site, server

    def publish(self, answer: bytes | None) -> None:
        self.server.respond = lambda _: answer

    def forget_pause(self) -> None:
        """Let the provider ask again at once for a key it does not know."""
        self.site.provider.client_keys._pause = 0

    def ask(self, key: ECKey = KEY) -> httpx2.Response:
        moment = int(time.time())
        claims = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": f"{time.time_ns()}"}
        header = {"alg": "ES256", "kid": key.kid}
        assertion = jwt.encode(header, {**claims, "iat": moment, "exp": moment + 60}, key)
        form = {"grant_type": "client_credentials", "client_assertion": assertion}
        form["client_assertion_type"] = ASSERTION_TYPE
        return self.site.browser.post("/oidc/token", data=form)


@pytest.fixture
def signer(site: Site) -> Iterator[Signer]:
    portal = site.browser.portal
    assert portal
    with ExitStack() as stack:
        listening = running_http_server(lambda _: published(KEY))
        server = stack.enter_context(portal.wrap_async_context_manager(listening))
        client: dict[str, Any] = {"jwks_uri": f"http://127.0.0.1:{server.port}/jwks"}
        client |= {"redirect_uris": [CALLBACK], "require_pkce": False}
        client["grant_types"] = ["client_credentials", "authorization_code"]
        site.work(register, client_id="signer", name="Signer", **client)
        yield Signer(site, server)


def test_a_client_signs_with_a_key_it_publishes_itself(signer: Signer) -> None:
    assert signer.ask().status_code == 200
    assert [request.method for request in signer.server.requests] == ["GET"]


def test_its_keys_are_kept_for_a_while(signer: Signer) -> None:
    for _ in range(3):
        assert signer.ask().status_code == 200
    assert len(signer.server.requests) == 1


def test_a_new_key_is_looked_for(signer: Signer) -> None:
    signer.ask()
    signer.publish(published(KEY, NEXT_KEY))
    signer.forget_pause()
    assert signer.ask(NEXT_KEY).status_code == 200


def test_made_up_keys_do_not_make_us_ask_all_the_time(signer: Signer) -> None:
    for _ in range(3):
        assert signer.ask(NEXT_KEY).json()["error"] == "invalid_client"
    assert len(signer.server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        reply(500),
        reply(200, b"no JSON"),
        reply(200, {"keys": []}),
        reply(200, {"keys": 7}),
        reply(200, b" " * 70_000 + b"{}"),
        reply(302, Location="https://elsewhere.example/jwks"),
    ],
)
def test_keys_that_are_no_longer_to_be_had_stay_in_use(signer: Signer, answer: bytes) -> None:
    signer.ask()
    signer.publish(answer)
    signer.forget_pause()
    assert signer.ask(NEXT_KEY).json()["error"] == "invalid_client"
    assert len(signer.server.requests) == 2
    assert signer.ask().status_code == 200


def test_a_request_object_is_verified_with_such_keys(signer: Signer) -> None:
    signer.site.sign_in()
    asked = {"client_id": "signer", "redirect_uri": CALLBACK, "response_type": "code"}
    claims = {**asked, "scope": "openid", "state": "signed"}
    request = jwt.encode({"alg": "ES256", "kid": KEY.kid}, claims, KEY)
    query = {"client_id": "signer", "redirect_uri": CALLBACK, "request": request}
    assert answered(signer.site.browser.get("/oidc/authorize", params=query))["state"] == "signed"


def test_keys_nobody_understands_are_left_out() -> None:
    keys = import_keys({"keys": [{"kty": "new"}, "text", {}, KEY.as_dict(private=False)]})
    assert keys
    assert [key.kid for key in keys.keys] == [KEY.kid]
    assert import_keys({"keys": [{"kty": "oct", "k": "c2VjcmV0" * 4}]}) is None


def test_a_client_nobody_knows_has_no_keys(site: Site) -> None:
    keys = ClientKeys(site.provider.database)
    assert site.browser.portal
    assert site.browser.portal.call(keys.find, "nobo\0dy", "e30.e30.e30") is None
