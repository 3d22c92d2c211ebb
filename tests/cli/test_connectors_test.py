"""`idp connectors` on the command line: what an administrator reads."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from typer.testing import CliRunner, Result

from idp.cli import app
from idp.connector_kit.shipped_templates import shipped_templates


class Mailbox:
    """A handler of aiosmtpd that takes every mail, or none."""

    def __init__(self, answer: str = "250 2.0.0 Ok: queued as Q1") -> None:
        self.answer = answer

    async def handle_DATA(self, *_: object) -> str:
        return self.answer


async def run_test(config: Path, mailbox: Mailbox, *options: str, **changes: object) -> Result:
    """Start a server for the mailbox, and run the command beside it."""
    make: Any = SMTP
    listener = await asyncio.get_running_loop().create_server(
        lambda: make(mailbox, data_size_limit=1_000_000), "127.0.0.1"
    )
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
        settings = {"host": "127.0.0.1", "port": port, "fromEmail": "idp@example.test", **changes}
        config.write_text(json.dumps({**settings, "templates": templates}))
        words = ["connectors", "test", "smtp", "--config", str(config), "--to", "you@example.test"]
        words += options
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, words))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "smtp.json"


async def test_a_test_send_shows_its_steps_in_columns(config: Path) -> None:
    result = await run_test(config, Mailbox())
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    names = ["DNS", "TCP", "banner", "EHLO", "MAIL", "RCPT", "DATA", "reply"]
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in names]
    assert {line.index(" ms") for line in lines} == {lines[0].index(" ms")}
    assert "SIZE 1000000" in lines[3]
    assert lines[-1].endswith("ms  250 2.0.0 Ok: queued as Q1")


async def test_a_failed_test_send_ends_with_advice_on_its_own_line(config: Path) -> None:
    result = await run_test(config, Mailbox("554 5.7.1 Relay access denied"))
    assert result.exit_code == 1
    *_, failed, advice = result.stdout.splitlines()
    assert failed.startswith("FAIL  reply")
    assert failed.endswith("554 5.7.1 Relay access denied")
    assert advice.startswith("      The server passes mail on for known senders only")


async def test_the_steps_can_be_read_by_a_program(config: Path) -> None:
    result = await run_test(config, Mailbox(), "--json")
    reply = json.loads(result.stdout)[-1]
    assert 0 < reply.pop("seconds") < 5
    detail = "250 2.0.0 Ok: queued as Q1"
    assert reply == {"name": "reply", "ok": True, "detail": detail, "advice": None}


async def test_settings_that_are_not_valid_are_not_tried(config: Path) -> None:
    result = await run_test(config, Mailbox(), prot=25)
    assert "prot: is not a known key; did you mean port?" in str(result.exception)
