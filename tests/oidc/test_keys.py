"""Signing keys: made once, kept secret, published for verification."""

import dataclasses

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlmodel import Session, select

from idp.oidc.keys import KeyRing, load_private_jwks
from idp.storage.tables import SigningKey
from tests.oidc.conftest import Site


def _stored(session: Session) -> list[SigningKey]:
    return list(session.exec(select(SigningKey)))


def test_a_key_is_made_once(site: Site) -> None:
    first = site.work(load_private_jwks, site.provider.secrets)
    assert site.work(load_private_jwks, site.provider.secrets) == first
    assert len(first) == 1


async def test_a_provider_that_starts_knows_its_key(site: Site) -> None:
    new = dataclasses.replace(site.provider)
    await new.start()
    assert new.keys.jwks == site.provider.keys.jwks


def test_the_private_key_is_sealed_in_the_database(site: Site) -> None:
    [key] = site.work(_stored)
    [private_jwk] = site.work(load_private_jwks, site.provider.secrets)
    assert private_jwk["d"] not in key.private_jwk
    assert private_jwk["kid"] == key.kid


def test_the_published_keys_hold_no_private_half(site: Site) -> None:
    [key] = site.browser.get("/oidc/jwks").json()["keys"]
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key["use"], key["alg"]) == ("sig", "RS256")


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


def test_an_id_token_of_an_older_key_is_still_read(site: Site) -> None:
    newer = RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)
    older = site.work(load_private_jwks, site.provider.secrets)
    keys = KeyRing.open([newer, *older])
    assert keys.read_id_token(site.tokens()["id_token"])
    assert keys.signing_key.kid == newer["kid"]
