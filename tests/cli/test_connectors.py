"""`idp connectors`: save, list, remove and try out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from idp.cli.workspace import Workspace, work
from idp.storage.tables import Breaker, BreakerState

Idp = Callable[..., Any]

PASSWORD = "hunter2-smtp"
WORDS = {"contentType": "text/plain", "subject": "{{code}}", "content": "Code {{code}}"}
SMTP = {
    "host": "127.0.0.1",
    "port": 1,
    "auth": {"user": "mailer", "pass": PASSWORD},
    "fromEmail": "Idp <idp@example.com>",
    "templates": [
        {"usageType": usage_type, **WORDS}
        for usage_type in ("Register", "SignIn", "ForgotPassword", "Generic")
    ],
}


@pytest.fixture
def config(directory: Path) -> Path:
    file = directory / "smtp.json"
    file.write_text(json.dumps(SMTP))
    return file


def listed(idp: Idp) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(idp("connectors", "list", "--json").out)
    return rows


def test_saved_settings_are_listed_without_their_secrets(ready: Idp, config: Path) -> None:
    assert ready("connectors", "list").out == "none\n"
    saved = ready("connectors", "set", "smtp", "--config", config)
    assert (saved.status, saved.err) == (0, "")
    [row] = listed(ready)
    assert saved.out == f"Saved smtp as {row['id']}.\n"
    assert (row["connector"], row["target"]) == ("simple-mail-transfer-protocol", "smtp")
    assert (row["version"], row["position"]) == (1, 0)
    table = ready("connectors", "list").out
    assert row["id"] in table
    assert PASSWORD not in table + json.dumps(row)


def test_saving_again_replaces_and_append_adds(ready: Idp, config: Path) -> None:
    for options in ([], [], ["--append"]):
        ready("connectors", "set", "smtp", "--config", config, *options)
    assert [(row["version"], row["position"]) for row in listed(ready)] == [(2, 0), (1, 1)]


def test_settings_can_come_from_standard_input(ready: Idp) -> None:
    assert ready("connectors", "set", "smtp", "--config", "-", typed=json.dumps(SMTP)).status == 0
    assert len(listed(ready)) == 1


def test_a_removed_instance_is_gone(ready: Idp, config: Path) -> None:
    ready("connectors", "set", "smtp", "--config", config)
    ready("connectors", "set", "smtp", "--config", config, "--append")
    instance_id, other = (row["id"] for row in listed(ready))
    assert ready("connectors", "remove", instance_id).status == 0
    assert [row["id"] for row in listed(ready)] == [other]
    again = ready("connectors", "remove", instance_id)
    assert again.status == 2
    assert again.err.startswith(f"idp: No connector instance has the id {instance_id};")


def test_the_last_instance_stays_as_long_as_people_sign_in_with_codes(
    ready: Idp, config: Path
) -> None:
    ready("connectors", "set", "smtp", "--config", config)
    instance_id = listed(ready)[0]["id"]
    ran = ready("connectors", "remove", instance_id)
    assert ran.status == 2
    assert ran.err.startswith(f"idp: {instance_id} stays. It is the last connector that can send")
    assert len(listed(ready)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({**SMTP, "hots": "x"}), "hots: is not a known key; did you mean host?"),
        ("{", "is not JSON: "),
        ("[]", "must hold one JSON object."),
    ],
)
def test_wrong_settings_are_one_line_without_secrets(
    ready: Idp, config: Path, text: str, expected: str
) -> None:
    config.write_text(text)
    ran = ready("connectors", "set", "smtp", "--config", config)
    assert ran.status == 2
    assert expected in ran.err
    assert len(ran.err.splitlines()) == 1
    assert PASSWORD not in ran.err
    assert listed(ready) == []


def test_a_missing_file_is_one_line(ready: Idp) -> None:
    ran = ready("connectors", "set", "smtp", "--config", "gone.json")
    assert ran.err == "idp: gone.json cannot be read: No such file or directory.\n"


def test_a_file_that_is_no_text_is_one_line(ready: Idp, config: Path) -> None:
    config.write_bytes(b"\xff\xfe")
    ran = ready("connectors", "set", "smtp", "--config", config)
    assert ran.status == 2
    assert "smtp.json is not JSON: " in ran.err


def test_an_unknown_connector_names_those_there_are(ready: Idp, config: Path) -> None:
    ran = ready("connectors", "set", "pigeon", "--config", config)
    assert ran.status == 2
    assert ran.err.startswith("idp: No installed plugin provides pigeon; installed: ")
    assert "smtp" in ran.err


def test_the_example_needs_only_its_placeholders_filled_in(idp: Idp) -> None:
    ran = idp("connectors", "example-config", "smtp")
    assert ran.status == 0
    example = json.loads(ran.out)
    assert example["host"]
    assert {template["usageType"] for template in example["templates"]} >= {"SignIn", "Generic"}


def test_a_test_mail_that_fails_shows_the_step_and_is_status_1(idp: Idp, config: Path) -> None:
    """No settings of the server are needed to try a connector out."""
    ran = idp("connectors", "test", "smtp", "--config", config, "--to", "alice@example.com")
    assert ran.status == 1
    assert "FAIL" in ran.out
    assert PASSWORD not in ran.out + ran.err


def rest(instance_id: str, state: BreakerState, reason: str | None) -> None:
    """Have the breaker of an instance open, as failures do."""
    retry_at = datetime(2026, 11, 21, 12, 3, tzinfo=UTC)
    row = Breaker(
        connector_id=instance_id, state=state, failures=5, retry_at=retry_at, reason=reason
    )

    async def write(workspace: Workspace) -> None:
        await workspace.database.run(lambda session: session.merge(row))

    work(write)


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        (BreakerState.CLOSED, "busy", "works"),
        (BreakerState.OPEN, "Wrong password.", "resting until 12:03:00 UTC: Wrong password."),
        (BreakerState.OPEN, None, "resting until 12:03:00 UTC"),
        (BreakerState.HALF_OPEN, "busy", "on trial: busy"),
    ],
)
def test_the_list_says_which_instance_rests_until_when_and_why(
    ready: Idp, config: Path, state: BreakerState, reason: str | None, shown: str
) -> None:
    ready("connectors", "set", "smtp", "--config", config)
    assert listed(ready)[0]["breaker"] == "closed"
    rest(listed(ready)[0]["id"], state, reason)
    [row] = listed(ready)
    assert (row["breaker"], row["failures"], row["reason"]) == (state, 5, reason)
    assert row["retry_at"] == "2026-11-21T12:03:00+00:00"
    assert shown in ready("connectors", "list").out
