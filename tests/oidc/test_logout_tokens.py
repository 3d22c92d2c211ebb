"""Back-channel logout: which clients are told, and what."""

from joserfc import jwt
from joserfc.jwk import KeySet

from idp.oidc.logout_tokens import EVENT, ClientToTell, clients_to_tell, logout_token
from idp.storage.tables import Client
from tests.oidc.conftest import ISSUER, Site, answered


def _told(site: Site, session_id: str) -> list[str]:
    return [client.client_id for client in site.work(clients_to_tell, session_id)]


def test_the_clients_of_the_session_that_want_to_know_are_told(site: Site) -> None:
    session_id = site.claims(site.tokens()["id_token"])["sid"]
    assert _told(site, session_id) == []
    site.change(Client, backchannel_logout_uri="https://app.example/logout")
    answered(site.authorize())
    answered(site.authorize(client_id="old"))
    assert _told(site, session_id) == ["old", "web"]
    assert _told(site, "another") == []


def test_a_logout_token_says_who_left_which_session(site: Site) -> None:
    client = ClientToTell("web", "https://app.example/logout", "ES256")
    token = logout_token(ISSUER, site.provider.keys, client, sub="alice", session_id="s")
    keys = KeySet.import_key_set(site.browser.get("/oidc/jwks").json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["typ"] == "logout+jwt"
    claims = decoded.claims
    assert {name: claims[name] for name in ("iss", "sub", "aud", "sid", "events")} == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "web",
        "sid": "s",
        "events": {EVENT: {}},
    }
    assert claims["exp"] - claims["iat"] == 120
    assert claims["jti"]
    assert "nonce" not in claims


def test_a_logout_token_is_no_id_token(site: Site) -> None:
    client = ClientToTell("web", "https://app.example/logout", "RS256")
    token = logout_token(ISSUER, site.provider.keys, client, sub="alice", session_id="s")
    assert site.provider.keys.read_id_token(token) is None
