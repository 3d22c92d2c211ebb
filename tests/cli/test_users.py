"""`idp users`: create accounts and list them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from idp.cli import app

Idp = Callable[..., Any]

PASSWORD = "correct horse battery staple"


def test_a_created_account_is_listed(ready: Idp) -> None:
    assert ready("users", "add", "Alice@example.com").out == "Created Alice@example.com.\n"
    [row] = json.loads(ready("users", "list", "--json").out)
    assert (row["email"], row["password"]) == ("Alice@example.com", False)
    assert row["id"] in ready("users", "list").out


def test_a_password_is_asked_for_twice_and_never_shown(ready: Idp) -> None:
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    ran = CliRunner().invoke(app, ["users", "add", "alice@example.com", "--password"], typed)
    assert ran.exit_code == 0, ran.output
    assert PASSWORD not in ran.output
    [row] = json.loads(ready("users", "list", "--json").out)
    assert row["password"] is True


@pytest.mark.parametrize("password", ["password", "x" * 257])
def test_a_bad_password_is_refused(ready: Idp, password: str) -> None:
    typed = f"{password}\n{password}\n"
    ran = CliRunner().invoke(app, ["users", "add", "alice@example.com", "--password"], typed)
    assert str(ran.exception) == "The password is too short or too easy to guess."
    assert ready("users", "list").out == "none\n"


def test_a_second_account_with_the_same_address_is_refused(ready: Idp) -> None:
    ready("users", "add", "alice@example.com")
    ran = ready("users", "add", "ALICE@example.com")
    assert (ran.status, ran.err) == (2, "idp: There is already an account with this address.\n")


def test_what_is_no_address_is_refused(ready: Idp) -> None:
    ran = ready("users", "add", "alice")
    assert ran.status == 2
    assert (
        ran.err == "idp: The address must be exactly one mail address, written as `name@domain`.\n"
    )
