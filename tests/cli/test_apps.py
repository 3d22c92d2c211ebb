"""`idp apps`: register applications and list them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

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
