"""`idp apps`: register applications, list them, replace their secrets, forget them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

Idp = Callable[..., Any]

CALLBACK = "https://wiki.example.com/callback"


def test_a_registered_application_gets_a_secret_once(ready: Idp) -> None:
    ran = ready("apps", "add", "Wiki", "--redirect-uri", CALLBACK, "--json")
    created = json.loads(ran.out)
    assert created["issuer"] == "http://localhost:8000"
    assert len(created["client_secret"]) >= 32
    [row] = json.loads(ready("apps", "list", "--json").out)
    expected = {"client_id": created["client_id"], "name": "Wiki", "redirect_uris": [CALLBACK]}
    assert row == expected
    assert created["client_secret"] not in ready("apps", "list").out


def test_for_people_it_is_printed_line_by_line(ready: Idp) -> None:
    ran = ready("apps", "add", "Wiki", "--redirect-uri", CALLBACK)
    names = [line.partition(":")[0] for line in ran.out.splitlines()]
    assert names == ["issuer", "client_id", "client_secret"]


def test_a_public_application_has_no_secret(ready: Idp) -> None:
    callback = "http://127.0.0.1/callback"
    ran = ready("apps", "add", "Phone", "--redirect-uri", callback, "--public")
    assert "client_secret" not in ran.out
    assert ran.status == 0


@pytest.mark.parametrize("uri", ["wiki.example.com", "http://wiki.example.com/", f"{CALLBACK}#x"])
def test_an_unsafe_redirect_uri_is_one_line_and_nothing_is_saved(ready: Idp, uri: str) -> None:
    ran = ready("apps", "add", "Wiki", "--redirect-uri", uri)
    assert ran.status == 2
    assert ran.err.startswith(f"idp: {uri} ")
    assert len(ran.err.splitlines()) == 1
    assert ready("apps", "list").out == "none\n"


def test_a_machine_is_registered_with_its_grant_and_scope(ready: Idp) -> None:
    ran = ready("apps", "add", "Job", "--grant-type", "client_credentials", "--scope", "read")
    assert "client_secret" in ran.out
    refused = ready("apps", "add", "Job", "--grant-type", "implicit")
    assert refused.status == 2
    assert refused.err.startswith("idp: implicit is no grant type")


def test_an_application_may_sign_instead_of_having_a_secret(ready: Idp, tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)))
    ran = ready("apps", "add", "Signer", "--jwks", str(keys))
    assert (ran.status, "client_secret" in ran.out) == (0, False)
    keys.write_text("{")
    assert ready("apps", "add", "Signer", "--jwks", str(keys)).status == 2


def test_a_secret_is_added_while_the_others_end(ready: Idp) -> None:
    created = json.loads(ready("apps", "add", "Job", "--json").out)
    given = ("--expires-in-days", "90", "--others-end-in-hours", "24", "--json")
    added = json.loads(ready("apps", "secret", created["client_id"], *given).out)
    assert added["client_secret"] != created["client_secret"]
    assert ready("apps", "secret", "nobody").status == 2


def test_a_removed_application_is_gone(ready: Idp) -> None:
    created = json.loads(ready("apps", "add", "Job", "--json").out)
    assert ready("apps", "remove", created["client_id"]).status == 0
    assert ready("apps", "list").out == "none\n"
    ran = ready("apps", "remove", created["client_id"])
    assert (ran.status, len(ran.err.splitlines())) == (2, 1)
