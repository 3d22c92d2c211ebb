"""`idp demo` as a person or a test harness runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from idp.demo.run import DemoOptions, run_demo
from idp.settings import SetupError
from idp.web.listening import port_of

COMMAND = [sys.executable, "-m", "idp", "demo", "--json"]
FREE_PORTS = ["--port", "0", "--app-port", "0", "--smtp-port", "0"]

Demo = dict[str, Any]


@contextmanager
def running(*options: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], Demo]]:
    command = [*COMMAND, *FREE_PORTS, *options]
    environment = os.environ | variables
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running("--no-limits") as (_, announced):
        yield announced


@pytest.fixture
def browser() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=True) as client:
        yield client


def mails(demo: Demo, address: str) -> list[dict[str, Any]]:
    """Wait for the mails to an address."""
    for _ in range(100):
        found: list[dict[str, Any]] = httpx2.get(
            f"{demo['mailbox']}/messages.json", params={"to": address}
        ).json()
        if found:
            return found
        time.sleep(0.05)
    return []


def sign_in(browser: httpx2.Client, demo: Demo, address: str) -> httpx2.Response:
    page = browser.get(f"{demo['sample_app']}/login")
    page = browser.post(page.url, data={"email": address})
    verification_code = mails(demo, address)[0]["verification_code"]
    return browser.post(page.url, data={"verification_code": verification_code})


def test_a_person_signs_in_to_the_sample_app_with_a_mailed_code_and_out(
    demo: Demo, browser: httpx2.Client
) -> None:
    page = sign_in(browser, demo, "alice@example.com")
    assert str(page.url) == f"{demo['sample_app']}/"
    assert "You are signed in to the sample app as <bdi>alice@example.com</bdi>" in page.text
    assert f'"iss": "{demo["issuer"]}"' in page.text.replace("&#34;", '"')
    page = browser.post(f"{demo['sample_app']}/logout")
    assert str(page.url).startswith(f"{demo['sample_app']}/")
    assert "Sign in</button>" in page.text


def test_the_mail_says_why_it_was_sent_in_the_language_of_the_page(
    demo: Demo, browser: httpx2.Client
) -> None:
    browser.headers["Accept-Language"] = "de"
    sign_in(browser, demo, "bob@example.com")
    [mail] = mails(demo, "bob@example.com")
    assert mail["usage_type"] == "SignIn"
    assert mail["headers"]["Content-Language"] == "de"
    assert "ist Ihr" in mail["subject"]


def test_create_account_leads_to_registration(demo: Demo, browser: httpx2.Client) -> None:
    page = browser.get(f"{demo['sample_app']}/register")
    assert page.url.path == "/register"
    assert str(page.url).startswith(demo["issuer"])


def test_a_killed_demo_is_continued_and_a_stopped_one_is_removed(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    with running("--dir", str(directory)) as (process, before):
        with httpx2.Client(follow_redirects=True) as browser:
            sign_in(browser, before, "carol@example.com")
        process.kill()
    with running("--dir", str(directory)) as (process, after):
        assert after["client_secret"] == before["client_secret"]
        assert len(mails(after, "carol@example.com")) == 1
        with httpx2.Client(follow_redirects=True) as browser:
            assert "alice@example.com" in sign_in(browser, after, "alice@example.com").text
        process.terminate()
        rest, _ = process.communicate(timeout=20)
        assert (rest, process.returncode) == ("", 0)
    assert not directory.exists()


def test_the_settings_of_a_real_deployment_are_not_used(tmp_path: Path) -> None:
    database = tmp_path / "real.db"
    variables = {"IDP_ISSUER": "https://id.example.com", "IDP_SECRET_KEYS": "none"}
    with running(IDP_DATABASE_URL=f"sqlite:///{database}", **variables) as (process, demo):
        discovery = httpx2.get(f"{demo['issuer']}/.well-known/openid-configuration").json()
        assert discovery["issuer"] == demo["issuer"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert not database.exists()


@pytest.mark.parametrize("option", ["port", "app_port", "smtp_port"])
def test_a_taken_port_is_refused_by_the_name_of_its_option(option: str, tmp_path: Path) -> None:
    ports: dict[str, Any] = {"port": 0, "app_port": 0, "smtp_port": 0}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = DemoOptions(directory=tmp_path / "demo", **ports | {option: port_of(taken)})
        name = option.replace("_", "-")
        with pytest.raises(SetupError, match=f"choose another with --{name}"):
            run_demo(options)
    assert not (tmp_path / "demo").exists()
