"""One person who registers: from the application to the code in the mail and back with tokens."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks.flows.browser import Answer, Browser
from benchmarks.flows.mail_sink import Codes

REDIRECT_URI = "http://127.0.0.1:9/callback"


@dataclass(frozen=True)
class Application:
    """The application people register for."""

    issuer: str
    client_id: str
    client_secret: str


async def register(
    application: Application, codes: Codes, number: int, password: str | None
) -> None:
    """Register a new person; raises AssertionError when an answer is not the expected one."""
    email = f"person{number}@example.com"
    verifier = secrets.token_urlsafe(32)
    # A person has an address of their own, as behind a proxy, so the limits per address stay on.
    ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    async with Browser(application.issuer, ip) as browser:
        page = _see_other(await browser.get(_authorization(application, verifier)))
        _shown(await browser.get(page))
        page = _see_other(await browser.post(page, email=email))
        _shown(await browser.get(page))
        verification_code = await codes.take(email)
        page = _see_other(await browser.post(page, verification_code=verification_code))
        if password:
            _shown(await browser.get(page))
            page = _see_other(await browser.post(page, password=f"{password}-{number}"))
        await _redeem(browser, application, _see_other(await browser.get(page)), verifier)


def _authorization(application: Application, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    parameters = {
        "client_id": application.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid email",
        "prompt": "create",
        "nonce": "n",
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{application.issuer}/oidc/authorize?{urlencode(parameters)}"


async def _redeem(browser: Browser, application: Application, location: str, verifier: str) -> None:
    secret = f"{application.client_id}:{application.client_secret}".encode()
    answer = await browser.post(
        "/oidc/token",
        f"Authorization: Basic {base64.b64encode(secret).decode()}\r\n",
        grant_type="authorization_code",
        code=parse_qs(urlsplit(location).query)["code"][0],
        redirect_uri=REDIRECT_URI,
        code_verifier=verifier,
    )
    _shown(answer)
    assert json.loads(answer.body)["id_token"]


def _see_other(answer: Answer) -> str:
    assert answer.status_code == 303, (answer.status_code, answer.body[:2000])
    return answer.location


def _shown(answer: Answer) -> None:
    assert answer.status_code == 200, (answer.status_code, answer.body[:2000])
