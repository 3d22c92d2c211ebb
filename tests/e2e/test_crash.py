"""The demo is killed between the request for a code and its delivery."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from people import Person
from running_demo import RunningDemo

EMAIL = "patient@example.test"


@pytest.fixture
def silent_server() -> Iterator[int]:
    """Return a port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def send_through(port: int, directory: Path) -> None:
    """Point the SMTP connector of a demo at another port, as an administrator does."""
    deployment = {
        "IDP_DATABASE_URL": f"sqlite:///{directory / 'idp.db'}",
        "IDP_SECRET_KEYS_FILE": str(directory / "secret-key"),
    }
    usage_types = ("Register", "SignIn", "ForgotPassword", "Generic")
    wording = {"contentType": "text/plain", "subject": "Code", "content": "{{code}}"}
    templates = [{"usageType": usage_type, **wording} for usage_type in usage_types]
    config = {"host": "127.0.0.1", "port": port, "fromEmail": "a@b.test", "templates": templates}
    command = [sys.executable, "-m", "idp", "connectors", "set", "smtp", "--config", "-"]
    environment = os.environ | deployment
    subprocess.run(command, input=json.dumps(config), text=True, check=True, env=environment)


def test_a_promised_mail_arrives_after_a_kill_and_a_restart(
    tmp_path: Path, silent_server: int
) -> None:
    demo = RunningDemo.start("--dir", str(tmp_path))
    send_through(silent_server, tmp_path)
    with httpx2.Client(follow_redirects=True) as client:
        person = Person(client, demo.inbox)
        person.open(f"{demo.ready['issuer']}/register")
        assert person.fill(email=EMAIL).status_code == 200
    assert demo.inbox(EMAIL) == []
    demo.stop(signal.SIGKILL)
    again = RunningDemo.start("--dir", str(tmp_path))
    try:
        assert again.wait_for_mail(EMAIL, 1).recipient == EMAIL
    finally:
        assert again.stop() == 0
