"""The providers that are measured, one process each, with one client and one person signed in."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from urllib.parse import urljoin

import httpx2
from sqlmodel import Session

from benchmarks.smtp.servers import program
from idp.accounts.sessions import Visit, start_session
from idp.accounts.users import create_user
from idp.app import open_server
from idp.outbox import Outbox
from idp.settings import Settings
from idp.web.cookies import session_cookie
from tests.support.postgresql import find_binaries, running_postgresql

HERE = Path(__file__).parent
IDP = str(Path(sys.executable).parent / "idp")
CALLBACK = "https://app.example.com/callback"
CLIENT = ("bench", "a-secret-of-the-benchmark-that-is-long-enough")
AUTHORIZATION = {
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "a-state",
    "nonce": "a-nonce",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # both of RFC 7636 Appendix B


@dataclass(frozen=True)
class Provider:
    """A running provider, as a client knows it, and the cookie of the person signed in."""

    metadata: dict[str, str]
    client: tuple[str, str]
    cookie: str


@contextmanager
def node_provider() -> Iterator[Provider]:
    """Run node-oidc-provider and sign in at the pages it has for trying it out."""
    port = _free_port()
    command = [program("node"), str(_installed() / "node_provider.mjs"), str(port)]
    with _running([*command, *CLIENT, CALLBACK], dict(os.environ)):
        issuer = f"http://localhost:{port}"
        metadata = _metadata(issuer)
        with httpx2.Client() as browser:
            asked = {**AUTHORIZATION, "client_id": CLIENT[0]}
            sent = browser.get(metadata["authorization_endpoint"], params=asked)
            page = urljoin(issuer, sent.headers["location"])
            login = {"prompt": "login", "login": "alice", "password": "any"}
            sent = browser.post(page, data=login)
            browser.get(urljoin(issuer, sent.headers["location"]))
            names = [name for name in browser.cookies if name.startswith("_session")]
            cookie = "; ".join(f"{name}={browser.cookies[name]}" for name in names)
        yield Provider(metadata, CLIENT, cookie)


@contextmanager
def our_provider(engine: str) -> Iterator[Provider]:
    """Run this server on a database of its own."""
    port = _free_port()
    issuer = f"http://localhost:{port}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        config = folder / "idp.toml"
        environment = {**os.environ, "IDP_CONFIG": str(config)}
        if engine == "postgresql":
            environment["IDP_DATABASE_URL"] = stack.enter_context(_postgresql())
        _idp(environment, "init", "--dir", str(folder), "--issuer", issuer)
        grants = [f"--grant-type={name}" for name in ("authorization_code", "client_credentials")]
        added = _idp(
            environment, "apps", "add", "Bench", "--redirect-uri", CALLBACK, *grants, "--json"
        )
        client = json.loads(added)
        cookie = _signed_in(environment)
        stack.enter_context(_running([IDP, "serve", "--port", str(port)], environment))
        known = client["client_id"], client["client_secret"]
        yield Provider(_metadata(issuer), known, cookie)


def _signed_in(environment: dict[str, str]) -> str:
    """Write a session into the database and return its cookie."""
    code = "from benchmarks.oidc.providers import sign_in; sign_in()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def sign_in() -> None:
    """Sign a person in to the deployment of the environment, and print the cookie."""
    settings = Settings.load()

    server = open_server(settings)
    outbox = Outbox(settings, server.secrets, server.plugins, server.carrier.defer)

    def work(session: Session) -> str:
        user = create_user(session, "alice@example.com")
        return start_session(session, outbox, user.id, ["otp"], settings, Visit())

    async def run() -> str:
        try:
            return await server.database.run(work)
        finally:
            await server.database.aclose()

    print(f"{session_cookie(settings).name}={asyncio.run(run())}")


def _installed() -> Path:
    """Fetch node-oidc-provider from npm once, outside the source tree."""
    folder = Path(gettempdir()) / "idp-bench-oidc"
    folder.mkdir(exist_ok=True)
    (folder / "node_provider.mjs").write_text((HERE / "node_provider.mjs").read_text())
    if not (folder / "node_modules" / "oidc-provider").exists():
        (folder / "package.json").write_text((HERE / "package.json").read_text())
        subprocess.run([program("npm"), "install", "--silent"], cwd=folder, check=True)
    return folder


@contextmanager
def _postgresql() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is missing: install the Debian package postgresql.")
    with running_postgresql(binaries) as server:
        yield server.url(server.create())


def _idp(environment: dict[str, str], *arguments: str) -> str:
    command = [IDP, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"idp {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as output:
            server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield
        except BaseException:
            print(log.read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            server.terminate()
            server.wait()


def _metadata(issuer: str) -> dict[str, str]:
    for _ in range(200):
        with suppress(httpx2.TransportError):
            found: dict[str, str]
            found = httpx2.get(f"{issuer}/.well-known/openid-configuration").json()
            return found
        time.sleep(0.05)
    raise SystemExit(f"No provider came up at {issuer}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
