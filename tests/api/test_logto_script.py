"""A script as written for Logto's management API, run unchanged against a real server."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from running_demo import RunningDemo

from tests.api.conftest import SMTP

_CODE = "<p>Your code is <b>{{code}}</b>. It works for 10 minutes.</p>"
_USAGE_TYPES = ("SignIn", "Register", "ForgotPassword", "Generic")


@pytest.fixture
def logto(demo: RunningDemo) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {demo.ready['api_token']}"}
    with httpx2.Client(base_url=f"{demo.ready['issuer']}/api", headers=headers) as client:
        yield client


def _full_config(demo: RunningDemo) -> dict[str, Any]:
    """Return every key Logto's SMTP connector has."""
    return {
        "host": demo.ready["smtp"]["host"],
        "port": demo.ready["smtp"]["port"],
        "auth": {"type": "login"},
        "fromEmail": "Example <no-reply@example.com>",
        "replyTo": "help@example.com",
        "templates": [
            {"usageType": usage, "contentType": "text/html", "subject": usage, "content": _CODE}
            for usage in _USAGE_TYPES
        ],
        "logger": False,
        "debug": False,
        "disableFileAccess": False,
        "disableUrlAccess": False,
        "name": "logto.example.com",
        "connectionTimeout": 120000,
        "greetingTimeout": 30000,
        "socketTimeout": 600000,
        "dnsTimeout": 30000,
        "secure": False,
        "tls": {},
        "ignoreTLS": True,
        "requireTLS": False,
        "customHeaders": {"X-Mailer": "Example"},
    }


def _template(language: str, usage: str, subject: str) -> dict[str, Any]:
    details = {"subject": subject, "content": _CODE, "contentType": "text/html"}
    return {"languageTag": language, "templateType": usage, "details": details}


def test_a_script_for_logto_configures_mail_from_end_to_end(
    logto: httpx2.Client, demo: RunningDemo
) -> None:
    config = _full_config(demo)
    created = logto.post("/connectors", json={"connectorId": SMTP, "config": config})
    assert created.status_code == 200
    assert created.json()["connectorId"] == SMTP
    to = {"email": "tester@example.com", "config": config}
    assert logto.post(f"/connectors/{SMTP}/test", json=to).status_code == 204
    assert demo.wait_for_mail("tester@example.com", 1).subject == "Generic"

    subject = {"templates": [{**config["templates"][0], "subject": "Welcome"}]}
    changed = {"config": {"templates": subject["templates"] + config["templates"][1:]}}
    patched = logto.patch(f"/connectors/{created.json()['id']}", json=changed)
    assert patched.status_code == 200
    assert patched.json()["config"]["templates"][0]["subject"] == "Welcome"
    assert patched.json()["config"]["host"] == config["host"]

    connectors = logto.get("/connectors").json()
    assert connectors[0]["id"] == created.json()["id"]
    assert {(each["connectorId"], each["type"]) for each in connectors} == {(SMTP, "Email")}


def test_a_script_for_logto_writes_templates_in_two_languages(logto: httpx2.Client) -> None:
    wanted = [_template("en", "SignIn", "Sign in"), _template("de", "SignIn", "Anmelden")]
    put = logto.put("/email-templates", json={"templates": wanted})
    assert put.status_code == 200
    assert [each["details"] for each in put.json()] == [each["details"] for each in wanted]

    german = logto.get("/email-templates", params={"languageTag": "de", "templateType": "SignIn"})
    template_id = german.json()[0]["id"]
    change = {"subject": "Ihre Anmeldung", "sendFrom": "Beispiel <hallo@example.com>"}
    patched = logto.patch(f"/email-templates/{template_id}/details", json=change)
    assert patched.status_code == 200
    assert patched.json()["details"] == {**wanted[1]["details"], **change}
    assert logto.get(f"/email-templates/{template_id}").json()["languageTag"] == "de"

    assert logto.delete(f"/email-templates/{template_id}").status_code == 204
    assert logto.get(f"/email-templates/{template_id}").status_code == 404


def test_a_script_for_logto_turns_codes_by_mail_on(logto: httpx2.Client) -> None:
    method = {"identifier": "email", "password": True, "verificationCode": True}
    change = {
        "signInMode": "SignInAndRegister",
        "signUp": {"identifiers": ["email"], "password": False, "verify": True},
        "signIn": {"methods": [{**method, "isPasswordPrimary": False}]},
    }
    answer = logto.patch("/sign-in-exp", json=change)
    assert answer.status_code == 200
    assert logto.get("/sign-in-exp").json()["signUp"] == change["signUp"]


def test_a_script_for_logto_sends_and_checks_a_code(
    logto: httpx2.Client, demo: RunningDemo
) -> None:
    address = {"email": "reader@example.com"}
    assert logto.post("/verification-codes", json=address).status_code == 204
    mail = demo.wait_for_mail("reader@example.com", 1)
    wrong = logto.post("/verification-codes/verify", json={**address, "verificationCode": "0"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "verification_code.code_mismatch")
    found = re.search(r"\b\d{6}\b", mail.text)
    assert found
    typed = {**address, "verificationCode": found[0]}
    assert logto.post("/verification-codes/verify", json=typed).status_code == 204


def test_a_script_for_logto_lists_page_by_page(logto: httpx2.Client) -> None:
    for number in range(3):
        body = {"primaryEmail": f"person{number}@example.com", "name": f"Person {number}"}
        assert logto.post("/users", json=body).status_code == 200
    page = logto.get("/users", params={"page": 1, "page_size": 2})
    assert (len(page.json()), int(page.headers["total-number"]) >= 3) == (2, True)
    following = page.links["next"]["url"]
    assert len(logto.get(following).json()) >= 1
