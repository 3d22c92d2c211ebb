"""`idp keys`: list and rotate what signs tokens."""

import json
from collections.abc import Callable
from typing import Any

Idp = Callable[..., Any]


def _keys(ran: Any) -> dict[tuple[str, str], str]:
    return {(key["algorithm"], key["state"]): key["kid"] for key in json.loads(ran.out)}


def test_a_rotation_moves_every_key_one_step(ready: Idp) -> None:
    first = _keys(ready("keys", "list", "--json"))
    assert {algorithm for algorithm, _ in first} == {"RS256", "ES256", "Ed25519"}
    second = _keys(ready("keys", "rotate", "--json"))
    assert second["RS256", "current"] == first["RS256", "next"]
    assert second["RS256", "previous"] == first["RS256", "current"]
    assert _keys(ready("keys", "list", "--json")) == second


def test_no_private_key_is_printed(ready: Idp) -> None:
    assert ready("keys", "rotate").status == 0
    assert "private" not in ready("keys", "list").out


def test_an_application_chooses_its_signatures_and_whose_it_is(ready: Idp) -> None:
    asked = ("apps", "add", "Wiki", "--redirect-uri", "https://wiki.example.com/callback")
    ran = ready(*asked, "--third-party", "--id-token-signed-response-alg", "ES256")
    assert ran.status == 0
    refused = ready(*asked, "--userinfo-signed-response-alg", "none")
    assert (refused.status, refused.err) == (
        2,
        "idp: none is none of RS256, ES256, Ed25519, EdDSA.\n",
    )
