"""`idp connectors` on the command line: what an administrator reads."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from login_server import USER, running_login_server
from oauth2_endpoint import running_token_endpoint
from typer.testing import CliRunner, Result

from idp.cli import app
from idp.connector_kit import UsageType
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connector_kit.testing import ReceivedEmail

Idp = Callable[..., Any]


class Mailbox:
    """A handler of aiosmtpd that takes every mail, or none."""

    def __init__(self, answer: str = "250 2.0.0 Ok: queued as Q1") -> None:
        self.answer = answer
        self.emails: list[ReceivedEmail] = []

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.emails.append(ReceivedEmail.from_bytes(envelope.content, envelope.rcpt_tos))
        return self.answer


async def run_test(config: Path, mailbox: Mailbox, *options: str, **changes: object) -> Result:
    """Start a server for the mailbox, and run the command beside it."""
    make: Any = SMTP
    listener = await asyncio.get_running_loop().create_server(
        lambda: make(mailbox, data_size_limit=1_000_000), "127.0.0.1"
    )
    async with listener:
        return await invoke(config, listener.sockets[0].getsockname()[1], *options, **changes)


async def invoke(config: Path, port: int, *options: str, **changes: object) -> Result:
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    settings = {"host": "127.0.0.1", "port": port, "fromEmail": "idp@example.test", **changes}
    config.write_text(json.dumps({**settings, "templates": templates}))
    words = ["connectors", "test", "smtp", "--config", str(config), "--to", "you@example.test"]
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, [*words, *options]))


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


@pytest.mark.parametrize("usage_type", UsageType)
async def test_any_usage_type_can_be_tested_with_sample_values(
    config: Path, usage_type: UsageType
) -> None:
    mailbox = Mailbox()
    result = await run_test(config, mailbox, "--usage-type", usage_type)
    assert result.exit_code == 0
    [email] = mailbox.emails
    wording = {template.usage_type: template for template in shipped_templates("en")}
    assert max(re.split("{{.*?}}", wording[usage_type].subject), key=len) in email.subject
    assert "{{" not in email.subject + email.text + (email.html or "")
    is_invitation = usage_type is UsageType.ORGANIZATION_INVITATION
    assert ("https://id.example.com/invitations/" in email.text) is is_invitation
    assert email.text.rstrip().endswith("@id.example.com #482913") is not is_invitation


async def test_an_unknown_usage_type_is_answered_with_the_known_ones(config: Path) -> None:
    result = await run_test(config, Mailbox(), "--usage-type", "Login")
    assert "No usage type is called Login; there are Register, SignIn," in str(result.exception)


@pytest.mark.parametrize(
    ("locale", "word"), [("de-AT", "Anmeldecode"), ("ja", "Anmeldecode"), ("", "sign-in code")]
)
def test_with_a_language_the_saved_wording_is_tested(
    ready: Idp, config: Path, monkeypatch: pytest.MonkeyPatch, locale: str, word: str
) -> None:
    """Without one it is the wording in the settings, which a saved one would hide."""
    monkeypatch.setenv("IDP_DEFAULT_LOCALE", "de")
    assert ready("templates", "load-shipped", "de").status == 0
    mailbox = Mailbox()
    options = ["--usage-type", "SignIn"] + (["--locale", locale] if locale else [])
    result = asyncio.run(run_test(config, mailbox, *options))
    assert result.exit_code == 0
    [email] = mailbox.emails
    assert word in email.text
    assert email.headers["Content-Language"] == (locale or "en")


async def test_a_language_is_that_of_a_deployment(config: Path) -> None:
    result = await run_test(config, Mailbox(), "--locale", "de")
    assert "IDP_SECRET_KEYS" in str(result.exception)


async def test_a_refresh_token_used_up_by_the_test_is_reported(config: Path) -> None:
    async with running_login_server() as server, running_token_endpoint() as endpoint:
        server.access_tokens = {"access-1"}
        granted = {"access_token": "access-1", "expires_in": 3600, "refresh_token": "hush-2"}
        endpoint.answers = [(200, granted)]
        client = {"clientId": "c", "clientSecret": "s", "accessUrl": endpoint.url}
        auth = {"type": "OAuth2", "user": USER, "refreshToken": "hush-1", **client}
        result = await invoke(config, server.port, auth=auth, ignoreTLS=True)
    assert result.exit_code == 0
    assert result.stderr.startswith("The provider replaced auth.refreshToken during this test")
    assert "hush" not in result.output
