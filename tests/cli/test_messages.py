"""`idp messages`: what became of mails, and what an operator can do about them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from history import attempt
from postman import ADDRESS, CODE, mail
from sqlmodel import Session

from idp.cli.workspace import Workspace, work
from idp.outbox import EmbeddedCarrier, Outbox
from idp.storage.secrets import first_id
from idp.storage.tables import Message, MessageState, now

Idp = Callable[..., Any]


def promise(to: str = ADDRESS, age: float = 0, **values: Any) -> str:
    """Promise a mail in this deployment, so many seconds ago; return its id."""

    async def write(workspace: Workspace) -> str:
        outbox = Outbox(
            workspace.settings, workspace.secrets, workspace.plugins, EmbeddedCarrier().defer
        )

        def unit(session: Session) -> str:
            message = session.get_one(Message, outbox.promise(session, mail(to=to)).id)
            message.id = first_id(now() - timedelta(seconds=age))[:13] + message.id[13:]
            for name, value in values.items():
                setattr(message, name, value)
            return message.id

        return await workspace.database.run(unit)

    return work(write)


def tried(message_id: str, **values: Any) -> None:
    """Put an attempt at a mail on record."""

    async def write(workspace: Workspace) -> None:
        def unit(session: Session) -> None:
            attempt(session, session.get_one(Message, message_id), now(), **values)

        await workspace.database.run(unit)

    work(write)


def listed(idp: Idp, *options: object) -> list[str]:
    """Return the ids of the mails these options list."""
    ran = idp("messages", "list", "--json", *options)
    assert (ran.status, ran.err) == (0, "")
    return [row["id"] for row in json.loads(ran.out)]


def test_mails_are_listed_newest_first(ready: Idp) -> None:
    assert ready("messages", "list").out == "none\n"
    old, new = promise(age=60), promise()
    assert listed(ready) == [new, old]
    assert listed(ready, "--limit", 1) == [new]
    table = ready("messages", "list").out
    assert new in table
    assert "promised" in table


def test_filters_leave_out_the_rest(ready: Idp) -> None:
    sent: dict[str, Any] = {"state": MessageState.SENT, "ended_at": now(), "connector_id": "first"}
    old, new = promise(age=3600, **sent), promise(to="bob@example.com", usage_type="Register")
    assert listed(ready, "--state", "sent", "--state", "failed") == [old]
    assert listed(ready, "--connector", "first") == [old]
    assert listed(ready, "--usage-type", "Register") == [new]
    assert listed(ready, "--since", "10m") == [new]
    assert listed(ready, "--since", (now() - timedelta(hours=2)).isoformat()) == [new, old]
    assert listed(ready, "--to", "Bob@Example.com") == [new]
    assert listed(ready, "--to", "bob@example.co") == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--state", "lost"], "lost is not a state; known: promised, sending, sent, "),
        (["--since", "yesterday"], "--since yesterday: give 15m, 2h, 3d, or a time such as "),
    ],
)
def test_a_filter_nobody_understands_is_one_line(
    ready: Idp, options: list[str], problem: str
) -> None:
    ran = ready("messages", "list", *options)
    assert ran.status == 2
    assert ran.err.startswith(f"idp: {problem}")
    assert len(ran.err.splitlines()) == 1


def test_a_mail_is_shown_with_every_attempt(ready: Idp) -> None:
    message_id = promise()
    refusal = {"outcome": "TransientFailure", "reply_code": 451, "enhanced_code": "4.7.1"}
    tried(message_id, connector="first", error="Try again later.", **refusal)
    tried(message_id, connector="second", reply="250 queued")
    text = ready("messages", "show", message_id).out
    for said in (message_id, "promised", "TransientFailure", "451", "Try again later.", "second"):
        assert said in text
    shown = json.loads(ready("messages", "show", message_id, "--json").out)
    assert shown["state"] == "promised"
    first, second = shown["delivery_attempts"]
    assert (first["reply_code"], first["enhanced_code"]) == (451, "4.7.1")
    assert (second["outcome"], second["reply"], second["seconds"]) == ("sent", "250 queued", 0.02)


def test_addresses_are_masked_unless_asked_for_and_codes_never_show(ready: Idp) -> None:
    message_id = promise()
    for words in (["list"], ["list", "--json"], ["show", message_id]):
        hidden = ready("messages", *words).out
        assert "a***@example.com" in hidden
        assert ADDRESS not in hidden
        shown = ready("messages", *words, "--show-recipient").out
        assert ADDRESS in shown
        assert CODE not in hidden + shown


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_a_mail_that_is_not_there_is_one_line_and_status_2(ready: Idp, command: str) -> None:
    ran = ready("messages", command, "019ab3f0")
    assert ran.status == 2
    assert ran.err == "idp: No mail has the id 019ab3f0; see `idp messages list`.\n"


def test_a_waiting_mail_is_tried_at_once(ready: Idp) -> None:
    message_id = promise(due_at=now() + timedelta(minutes=5))
    ran = ready("messages", "retry", message_id)
    assert (ran.status, ran.out) == (0, f"Due now: {message_id}.\n")
    [row] = json.loads(ready("messages", "list", "--json").out)
    assert row["due_at"] <= now().isoformat()


@pytest.mark.postgresql
def test_an_operator_acts_on_mails_in_postgresql(
    idp: Idp, postgresql_url: str, secret_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", postgresql_url)
    monkeypatch.setenv("IDP_SECRET_KEYS", secret_key)
    message_id = promise(due_at=now() + timedelta(minutes=5))
    assert idp("messages", "retry", message_id).status == 0
    [row] = json.loads(idp("messages", "list", "--to", ADDRESS, "--json").out)
    assert row["due_at"] <= now().isoformat()
    assert idp("messages", "cancel", message_id).status == 0
    assert listed(idp, "--state", "cancelled") == [message_id]


def test_a_cancelled_mail_is_never_sent(ready: Idp) -> None:
    message_id = promise()
    assert ready("messages", "cancel", message_id).out == f"Cancelled: {message_id}.\n"
    assert listed(ready, "--state", "cancelled") == [message_id]


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_what_has_ended_cannot_be_changed_which_is_status_1(ready: Idp, command: str) -> None:
    message_id = promise(state=MessageState.SENT, ended_at=now())
    ran = ready("messages", command, message_id)
    assert ran.status == 1
    assert ran.err.startswith("idp: It has ended (sent), ")
    assert ran.out == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_the_tail_follows_until_it_is_interrupted(
    ready: Idp, directory: Path, as_json: bool
) -> None:
    message_id = promise()
    tried(message_id, outcome="TransientFailure", reply_code=451, duration=1.5)
    command = [sys.executable, "-m", "idp", "messages", "tail", "--since", "1m"]
    tail = subprocess.Popen(
        [*command, "--json"] if as_json else command,
        cwd=directory,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert tail.stdout
    lines = [tail.stdout.readline()]
    tried(message_id)
    lines.append(tail.stdout.readline())
    tail.send_signal(signal.SIGINT)
    rest, errors = tail.communicate(timeout=20)
    assert (tail.returncode, rest, errors) == (0, "", "")
    assert all(message_id in line for line in lines)
    outcomes = ("TransientFailure", "sent")
    assert all(outcome in line for outcome, line in zip(outcomes, lines, strict=True))
    assert not as_json or json.loads(lines[0])["reply_code"] == 451
