"""The requests that are sent, and wrk, which sends them."""

import os
import re
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from benchmarks.oidc.providers import AUTHORIZATION, CALLBACK, VERIFIER, Provider
from benchmarks.smtp.servers import program

HERE = Path(__file__).parent
CONNECTIONS = 16
_RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """What one run gave: requests or flows per second, waiting in ms."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Load:
    """What wrk sends to one address: a script, and its variables."""

    script: str
    address: str
    variables: dict[str, str]


def run(load: Load, seconds: float) -> Measured:
    """Send for so long; every answer must be the one that is wanted."""
    command = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s"]
    command += [str(HERE / load.script), load.address]
    environment = {**os.environ, **load.variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = _RESULT.search(done.stdout)
    if found is None:
        raise SystemExit(f"{load.script}: {done.stdout}{done.stderr}")
    count, microseconds, p50, p99, failed = map(int, found.groups())
    if failed:
        raise SystemExit(f"{load.script} {load.address}: {failed} of the answers are wrong.")
    return Measured(count / microseconds * 1e6, p50 / 1000, p99 / 1000)


def load_of(case: str, provider: Provider) -> Load:
    """Return what is measured under this name.

    Asks for a fresh access token, for the in-memory adapter forgets what was not used lately.
    """
    metadata, basic = provider.metadata, _basic(provider.client)
    match case:
        case "code flow with a session":
            return _flow(provider, basic)
        case "userinfo":
            return _get(metadata["userinfo_endpoint"], f"Bearer {_access_token(provider)}")
        case "introspection":
            form = {"token": _access_token(provider)}
            return _post(metadata["introspection_endpoint"], basic, form)
        case "client_credentials":
            return _post(metadata["token_endpoint"], basic, {"grant_type": case})
        case "discovery":
            return _get(f"{metadata['issuer']}/.well-known/openid-configuration")
        case _:
            return _get(metadata["jwks_uri"])


def _get(address: str, authorization: str = "") -> Load:
    return Load("request.lua", address, {"METHOD": "GET", "AUTHORIZATION": authorization})


def _post(address: str, authorization: str, form: dict[str, str]) -> Load:
    variables = {"METHOD": "POST", "AUTHORIZATION": authorization, "BODY": urlencode(form)}
    return Load("request.lua", address, variables)


def _flow(provider: Provider, basic: str) -> Load:
    authorize = urlsplit(provider.metadata["authorization_endpoint"]).path
    asked = urlencode({**AUTHORIZATION, "client_id": provider.client[0]})
    variables = {
        "AUTHORIZE": f"{authorize}?{asked}",
        "COOKIE": provider.cookie,
        "TOKEN_PATH": urlsplit(provider.metadata["token_endpoint"]).path,
        "AUTHORIZATION": basic,
        "BODY": urlencode(_redemption()),
    }
    return Load("flow.lua", provider.metadata["issuer"], variables)


def _access_token(provider: Provider) -> str:
    asked = {**AUTHORIZATION, "client_id": provider.client[0]}
    endpoint, cookie = provider.metadata["authorization_endpoint"], {"Cookie": provider.cookie}
    answer = httpx2.get(endpoint, params=asked, headers=cookie)
    authorization_code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {**_redemption(), "code": authorization_code}
    tokens = httpx2.post(provider.metadata["token_endpoint"], data=form, auth=provider.client)
    return str(tokens.json()["access_token"])


def _redemption() -> dict[str, str]:
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    return {**form, "code_verifier": VERIFIER}


def _basic(client: tuple[str, str]) -> str:
    return "Basic " + b64encode(":".join(client).encode()).decode()
