"""Signing keys: next, current and previous, kept secret, chosen by clients, rotated."""

import asyncio
import dataclasses
import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from sqlmodel import Session

from idp.oidc.keys import list_keys, load_signing_keys, rotate_keys
from idp.storage import Secrets, open_database
from idp.storage.tables import Client
from tests.oidc.conftest import KEY, Site


def _states(session: Session) -> dict[tuple[str, str], str]:
    return {(key.algorithm, key.state.value): key.kid for key in list_keys(session)}


def _header(token: str) -> dict[str, str]:
    first = token.partition(".")[0]
    header: dict[str, str] = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return header


def _rotate(site: Site) -> None:
    site.work(rotate_keys, site.provider.secrets)
    assert site.browser.portal
    site.browser.portal.call(site.provider.start)


def test_keys_are_made_once(site: Site) -> None:
    first = site.work(load_signing_keys, site.provider.secrets)
    assert site.work(load_signing_keys, site.provider.secrets) == first
    assert {(key.algorithm, key.state.value) for key in first} == {
        (algorithm, state)
        for algorithm in ("RS256", "ES256", "Ed25519")
        for state in ("current", "next")
    }


def test_a_provider_that_starts_knows_its_keys(site: Site) -> None:
    new = dataclasses.replace(site.provider)
    assert site.browser.portal
    site.browser.portal.call(new.start)
    assert new.keys.jwks == site.provider.keys.jwks


@pytest.mark.postgresql
async def test_two_processes_that_start_at_once_share_their_keys(postgresql_url: str) -> None:
    databases = [open_database(postgresql_url) for _ in range(2)]
    made = [database.run(load_signing_keys, Secrets([KEY])) for database in databases]
    first, second = await asyncio.gather(*made)
    assert first == second
    for database in databases:
        await database.aclose()


def test_private_keys_are_sealed_in_the_database(site: Site) -> None:
    stored = site.work(list_keys)
    opened = site.work(load_signing_keys, site.provider.secrets)
    for row, key in zip(stored, opened, strict=True):
        assert row.kid == key.kid
        assert str(key.private_jwk["d"]) not in row.private_jwk


def test_the_published_keys_hold_no_private_half(site: Site) -> None:
    published = site.browser.get("/oidc/jwks").json()["keys"]
    assert len({key["kid"] for key in published}) == 6
    for key in published:
        assert key["use"] == "sig"
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


def test_a_rotation_lets_the_published_next_keys_sign(site: Site) -> None:
    before = site.work(_states)
    _rotate(site)
    after = site.work(_states)
    for algorithm in ("RS256", "ES256", "Ed25519"):
        assert after[algorithm, "previous"] == before[algorithm, "current"]
        assert after[algorithm, "current"] == before[algorithm, "next"]
    assert _header(site.tokens()["id_token"])["kid"] == before["RS256", "next"]


def test_what_was_signed_before_a_rotation_is_read_until_the_next_but_one(site: Site) -> None:
    id_token = site.tokens()["id_token"]
    _rotate(site)
    assert site.provider.keys.read_id_token(id_token)
    _rotate(site)
    assert site.provider.keys.read_id_token(id_token) is None


def test_a_rotation_by_another_process_is_noticed(site: Site) -> None:
    site.browser.get("/oidc/jwks")
    site.work(rotate_keys, site.provider.secrets)
    assert len(site.browser.get("/oidc/jwks").json()["keys"]) == 6
    site.provider._keys_read_at -= 61
    assert len(site.browser.get("/oidc/jwks").json()["keys"]) == 9


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519", "EdDSA"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # what clients of today still do
def test_a_client_chooses_the_algorithm(site: Site, algorithm: str) -> None:
    site.change(
        Client, id_token_signed_response_alg=algorithm, userinfo_signed_response_alg=algorithm
    )
    tokens = site.tokens()
    userinfo = site.userinfo(tokens["access_token"])
    assert userinfo.headers["content-type"] == "application/jwt"
    keys = KeySet.import_key_set(site.browser.get("/oidc/jwks").json())
    for token in (tokens["id_token"], userinfo.text):
        assert _header(token)["alg"] == algorithm
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=[algorithm]).claims
        assert claims["aud"] == "web"
    assert claims["email"] == "alice@example.com"


def test_userinfo_as_a_jwt_is_no_id_token(site: Site) -> None:
    site.change(Client, userinfo_signed_response_alg="RS256")
    userinfo = site.userinfo(site.tokens()["access_token"]).text
    assert site.provider.keys.read_id_token(userinfo) is None


def test_the_half_hash_is_as_long_as_the_algorithm_asks(site: Site) -> None:
    assert len(site.claims(site.tokens()["id_token"])["at_hash"]) == 22
    site.change(Client, id_token_signed_response_alg="EdDSA")
    assert len(site.claims(site.tokens()["id_token"])["at_hash"]) == 43


@pytest.mark.parametrize("forgery", ["altered", "foreign", "unsigned", "no token at all", ""])
def test_only_id_tokens_signed_here_are_read(site: Site, forgery: str) -> None:
    header, payload, signature = site.tokens()["id_token"].split(".")
    foreign_key = RSAKey.generate_key(2048)
    forgeries = {
        "altered": f"{header}.{payload[:-2]}AA.{signature}",
        "foreign": jwt.encode({"alg": "RS256"}, {"sub": "alice"}, foreign_key),
        "unsigned": f"eyJhbGciOiJub25lIn0.{payload}.",
    }
    assert site.provider.keys.read_id_token(forgeries.get(forgery, forgery)) is None


def test_a_public_key_does_not_serve_as_a_shared_secret(site: Site) -> None:
    """RFC 8725 §2.1: an HMAC with the published key as its secret proves nothing."""
    [published, *_] = site.browser.get("/oidc/jwks").json()["keys"]
    header = {"alg": "HS256", "typ": "JWT", "kid": published["kid"]}
    payload = json.dumps({"sub": "a", "aud": "web", "exp": 1})
    secret = OctKey.import_key(json.dumps(published))
    forged = jws.serialize_compact(header, payload, secret)
    assert site.provider.keys.read_id_token(forged) is None
