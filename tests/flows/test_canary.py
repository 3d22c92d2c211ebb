"""The canary: people do all they can do, and nothing they keep secret turns up anywhere."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from people import Person, Site

from idp import hookimpl
from idp.cli.logs import configure_logs
from idp.connector_kit.testing import ReceivedEmail
from idp.hookspecs import DeliveryAttempt
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client

EMAIL, NEXT_EMAIL = "canary@example.test", "canary@elsewhere.test"
CALLBACK = "https://app.example/callback"
CLIENT_SECRET = "client-secret-canary-0123456789abcdefghijkl"
VERIFIER = "code-verifier-canary-0123456789-0123456789-0"
PASSWORD, NEXT_PASSWORD = "four quiet canaries wade", "nine loud canaries depart"

CODE = re.compile(r"#(\d{10})$")  # long enough to be no part of a time by chance
LINK = re.compile(r"http\S+(/links/\S+)")
TYPED = {"password", "new_password", "current_password", "verification_code", "code_verifier"}
TOKENS = {"access_token", "refresh_token", "id_token"}
PUBLIC_COOKIES = {"idp_locale"}
PAGES = ("/healthz", "/readyz", "/version", "/metrics", "/api/openapi.json", "/api/messages")


@dataclass
class Canaries:
    """Every secret that passes between a person's browser, an application and the server."""

    kinds: dict[str, set[str]] = field(default_factory=dict)

    def watch(self, client: httpx2.Client) -> None:
        client.event_hooks = {"request": [self._sent], "response": [self._received]}

    def add(self, kind: str, secret: str) -> None:
        if len(secret) >= 5:
            self.kinds.setdefault(kind, set()).add(secret)

    def read(self, mail: ReceivedEmail) -> None:
        for word in re.findall(r"[\w-]{20,}", " ".join(re.findall(r"https?://\S+", mail.text))):
            self.add("link", word)

    def _sent(self, request: httpx2.Request) -> None:
        for name, value in parse_qsl(request.read().decode()):
            if name in TYPED:
                self.add(name, value)

    def _received(self, response: httpx2.Response) -> None:
        response.read()
        for cookie in response.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name not in PUBLIC_COOKIES:
                self.add("cookie", value)
        for code in parse_qs(urlsplit(response.headers.get("location", "")).query).get("code", []):
            self.add("authorization_code", code)
        if response.headers.get("content-type") == "application/json":
            for name in TOKENS & dict(response.json()).keys():
                self.add(name, response.json()[name])

    def found_in(self, text: str) -> list[str]:
        """Return what kinds of secrets a text gives away."""
        return [kind for kind, secrets in self.kinds.items() if any(s in text for s in secrets)]


class Observer:
    """A plugin that writes down all it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def idp_email_attempted(self, attempt: DeliveryAttempt) -> None:
        self.heard.append(repr(attempt))

    @hookimpl
    def idp_limit_reached(self, limit: str, retry_after: int) -> None:
        self.heard.append(f"{limit} {retry_after}")


def register_for_an_application(person: Person) -> None:
    parameters = {
        "client_id": "web",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email offline_access",
        "prompt": "create",
        "code_challenge": create_s256_code_challenge(VERIFIER),  # type: ignore[no-untyped-call]
        "code_challenge_method": "S256",
    }
    person.open(f"/oidc/authorize?{urlencode(parameters)}")
    person.fill(email=EMAIL)
    person.fill(verification_code="4289135067")
    person.press("/resend")  # too early
    person.fill(verification_code=mailed(person, CODE))
    authorization_code = parse_qs(person.page.url.query.decode())["code"][0]
    exchange_for_tokens(person.client, authorization_code)


def exchange_for_tokens(client: httpx2.Client, authorization_code: str) -> None:
    form = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER, "code": authorization_code}
    credentials = ("web", CLIENT_SECRET)
    code = {"grant_type": "authorization_code", **form}
    tokens = client.post("/oidc/token", data=code, auth=credentials).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = client.post("/oidc/token", data=refresh, auth=credentials).json()
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    assert client.get("/oidc/userinfo", headers=bearer).json()["email"] == EMAIL
    client.post("/oidc/token", data=code, auth=credentials)  # a replay, which is logged


def mailed(person: Person, what: re.Pattern[str], number: int = 1, email: str = EMAIL) -> str:
    """Wait for the mail that brings this code or link for the first, the second, ... time."""
    for _ in range(200):
        found = [match[1] for mail in person.inbox(email) for match in what.finditer(mail.text)]
        if len(found) >= number:
            return found[number - 1]
        time.sleep(0.02)
    raise AssertionError(f"{len(found)} instead of {number}")


def use_passwords(person: Person) -> None:
    for number, password in ((2, PASSWORD), (3, NEXT_PASSWORD)):
        person.open("/forgot-password")
        person.fill(email=EMAIL)
        person.fill(verification_code=mailed(person, CODE, number))
        person.fill(new_password="letmein77")
        person.fill(new_password=password)
        person.sign_in(EMAIL, f"wrong {password}")
        assert person.sign_in(EMAIL, password).url.path == "/account"


def move_to_another_address(person: Person) -> None:
    person.open("/account/address")
    person.fill(email=NEXT_EMAIL)
    person.fill(verification_code=mailed(person, CODE, email=NEXT_EMAIL))
    assert person.page.url.path == "/account"
    person.open(mailed(person, LINK))


def everything_written(
    site: Site, folder: Path, logs: pytest.LogCaptureFixture, output: pytest.CaptureFixture[str]
) -> dict[str, str]:
    client = site.person().client
    files = sorted(folder.glob("idp.db*"))
    captured = output.readouterr()
    return {
        "log": logs.text,
        "standard output and error": captured.out + captured.err,
        "database": "".join(file.read_bytes().decode("latin-1") for file in files),
        **{page: client.get(page).text for page in PAGES},
    }


def test_no_secret_turns_up_where_it_could_be_read(
    make_site: Callable[..., Site],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.WARNING, "httpx2")  # the client of this test
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")  # every statement with its values
    caplog.set_level(logging.DEBUG)
    configure_logs()
    canaries, observer = Canaries(), Observer()
    site = make_site(plugins=[observer], verification_code_length=10, argon2_memory_kib=64)
    site.work(
        add_client,
        ClientMetadata(name="Web", redirect_uris=[CALLBACK]),
        client_id="web",
        secret=CLIENT_SECRET,
    )
    canaries.add("client_secret", CLIENT_SECRET)
    person = site.person()
    canaries.watch(person.client)
    register_for_an_application(person)
    use_passwords(person)
    move_to_another_address(person)
    for mail in site.connector.sent:
        canaries.read(mail)
    written = everything_written(site, tmp_path, caplog, capsys)
    written["hooks"] = " ".join(observer.heard)
    assert canaries.kinds.keys() >= {
        "verification_code", "new_password", "password", "cookie", "authorization_code",
        "access_token", "refresh_token", "id_token", "code_verifier", "client_secret", "link",
    }  # fmt: skip
    assert NEXT_EMAIL in written["database"]
    assert "INSERT INTO" in written["log"]
    assert "mail delivery" in written["standard output and error"]
    assert {place: canaries.found_in(text) for place, text in written.items()} == {
        place: [] for place in written
    }
