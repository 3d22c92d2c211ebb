"""Logs: JSON for programs, lines for people, secrets for nobody."""

import io
import json
import logging
import sys

import pytest
import structlog

from idp.cli.logs import configure_logs, drop_secrets


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_program_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    codes = {"reply_code": 250, "enhanced_code": "2.0.0"}
    structlog.get_logger().info("mail delivery", state="sent", **codes)
    printed = capsys.readouterr()
    entry = json.loads(printed.err)
    assert (entry["event"], entry["level"], entry["state"]) == ("mail delivery", "info", "sent")
    assert (entry["reply_code"], entry["enhanced_code"]) == (250, "2.0.0")
    assert printed.out == ""


def test_quiet_leaves_out_what_is_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(quiet=True)
    structlog.get_logger().info("mail delivery")
    structlog.get_logger().warning("connector unusable")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        "connector unusable"
    ]


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "verification_code", "access_token", "Cookie", "email"]
)
def test_a_field_named_like_a_secret_is_masked(name: str) -> None:
    assert drop_secrets(None, "info", {name: "428913"}) == {name: "***"}


@pytest.mark.parametrize("terminal", [Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_a_traceback_shows_no_local_variables(
    monkeypatch: pytest.MonkeyPatch, terminal: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logs()

    def deliver(mailed: str) -> None:
        raise ConnectionError("lost contact")

    try:
        deliver("42" + "8913")
    except ConnectionError:
        structlog.get_logger().exception("connector defect")
    assert "lost contact" in terminal.getvalue()
    assert "deliver" in terminal.getvalue()
    assert "428913" not in terminal.getvalue()


def test_other_libraries_speak_up_from_warnings_on() -> None:
    configure_logs()
    assert not logging.getLogger("sqlalchemy").isEnabledFor(logging.INFO)
