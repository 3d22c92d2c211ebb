"""Registering clients: what is refused, and what a redirect_uri must equal."""

from typing import Any

import pytest

from idp.oidc.clients import RegisteredClient, remove_client
from idp.storage.secrets import fingerprint
from idp.storage.tables import Client
from tests.oidc.conftest import Site, register


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback?tenant=1",
        "http://localhost:3000/callback",
        "http://[::1]/callback",
        "com.example.app:/callback",
    ],
)
def test_safe_redirect_uris_are_accepted(site: Site, uri: str) -> None:
    client, _ = site.work(register, name="App", redirect_uris=[uri])
    assert client.redirect_uris == [uri]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("/callback", "absolute"),
        ("https://app.example/call back", "absolute"),
        ("https://app.example/\r\nSet-Cookie: a=b", "absolute"),
        ("https://app.example/#part", "fragment"),
        ("https:///callback", "host"),
        ("https://app.example@evil.example/", "host"),
        ("http://app.example/callback", "https"),
        ("javascript:alert(1)", "scheme"),
        ("myapp:/callback", "scheme"),
    ],
)
def test_unsafe_redirect_uris_are_refused(site: Site, uri: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        site.work(register, name="App", redirect_uris=[uri])
    with pytest.raises(ValueError, match=reason):
        site.work(register, name="App", redirect_uris=[], post_logout_redirect_uris=[uri])


def test_a_secret_is_shown_once_and_stored_as_a_fingerprint(site: Site) -> None:
    client, secret = site.work(register, name="App", redirect_uris=[])
    assert secret is not None
    assert site.secrets_of(client.id) == [fingerprint(secret)]


def test_a_public_client_has_no_secret(site: Site) -> None:
    client, secret = site.work(register, name="App", redirect_uris=[], public=True)
    assert secret is None
    assert site.secrets_of(client.id) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"client_id": "web"}, "already"),
        ({"secret": "guessable"}, "32"),
        ({"grant_types": ["implicit"]}, "implicit is no grant type"),
        ({"grant_types": ["client_credentials"], "public": True}, "keep a secret"),
    ],
)
def test_a_client_that_cannot_be_is_refused(
    site: Site, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        site.work(register, name="App", redirect_uris=[], **fields)


def _client(*redirect_uris: str, public: bool) -> RegisteredClient:
    row = Client(id="app", name="App", redirect_uris=list(redirect_uris))
    row.token_endpoint_auth_method = "none" if public else "client_secret_basic"
    return RegisteredClient(row)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_native_app_returns_to_any_port_of_its_machine(host: str) -> None:
    client = _client(f"http://{host}:1/callback", public=True)
    assert client.check_redirect_uri(f"http://{host}:49152/callback")
    assert client.check_redirect_uri(f"http://{host}/callback")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:49152/other",
        "https://127.0.0.1:49152/callback",
        "http://127.0.0.2:49152/callback",
        "http://127.0.0.1:49152@evil.example/callback",
        "http://127.0.0.1:49152.evil.example/callback",
        "http://127.0.0.1:49152/callback?more=1",
        "http://127.0.0.1:/callback",
        "https://app.example:8443/callback",
    ],
)
def test_nothing_but_the_port_may_differ(uri: str) -> None:
    client = _client("http://127.0.0.1/callback", "https://app.example/callback", public=True)
    assert not client.check_redirect_uri(uri)


def test_a_client_with_a_secret_returns_to_one_port_only() -> None:
    client = _client("http://localhost:3000/callback", public=False)
    assert not client.check_redirect_uri("http://localhost:3001/callback")


def test_a_client_goes_with_its_secrets_and_tokens(site: Site) -> None:
    access_token = site.tokens()["access_token"]
    assert site.work(remove_client, "web")
    assert site.secrets_of("web") == []
    assert site.introspect(access_token, client_id="other") == {"active": False}
    assert not site.work(remove_client, "web")
