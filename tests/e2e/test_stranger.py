"""A program that knows the line the demo prints and the names of the fields, nothing else."""

import base64
import hashlib
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import npm
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from people import Person
from running_demo import RunningDemo, need

NODE_PROGRAM = Path(__file__).parent / "node"


class Callback(Exception):
    """The browser was sent back to the application."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class Stranger:
    """Registers over plain HTTP and ends with an authorization code."""

    def __init__(self, demo: RunningDemo) -> None:
        self.ready = demo.ready
        self.email = f"stranger-{secrets.token_hex(4)}@example.test"
        self.code_verifier = secrets.token_urlsafe(48)
        self.state, self.nonce = secrets.token_hex(), secrets.token_hex()
        hooks = {"response": [self._stop]}
        self.client = httpx2.Client(follow_redirects=True, event_hooks=hooks)
        self.person = Person(self.client, demo.inbox)

    def _stop(self, response: httpx2.Response) -> None:
        if response.headers.get("location", "").startswith(self.ready["redirect_uri"]):
            raise Callback(response.headers["location"])

    def register(self, request: str = "") -> str:
        """Follow an authorization request; return where the application is called back."""
        request = request or f"{self.discover()['authorization_endpoint']}?{self.request()}"
        self.person.open(request)
        self.person.fill(email=self.email)
        verification_code = self.person.verification_code(self.email)
        with pytest.raises(Callback) as callback:
            self.person.fill(verification_code=verification_code)
        return callback.value.address

    def discover(self) -> dict[str, str]:
        address = f"{self.ready['issuer']}/.well-known/openid-configuration"
        document: dict[str, str] = httpx2.get(address).json()
        return document

    def request(self) -> httpx2.QueryParams:
        digest = hashlib.sha256(self.code_verifier.encode()).digest()
        return httpx2.QueryParams(
            client_id=self.ready["client_id"],
            redirect_uri=self.ready["redirect_uri"],
            response_type="code",
            scope="openid email offline_access",
            prompt="create",
            state=self.state,
            nonce=self.nonce,
            code_challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            code_challenge_method="S256",
        )


@pytest.fixture
def stranger(demo: RunningDemo) -> Iterator[Stranger]:
    stranger = Stranger(demo)
    with stranger.client:
        yield stranger


def test_joserfc_accepts_the_tokens_of_somebody_who_just_registered(stranger: Stranger) -> None:
    answer = dict(parse_qsl(urlsplit(stranger.register()).query))
    assert answer["state"] == stranger.state
    assert answer["iss"] == stranger.ready["issuer"]
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": stranger.ready["redirect_uri"],
        "code_verifier": stranger.code_verifier,
    }
    credentials = (stranger.ready["client_id"], stranger.ready["client_secret"])
    metadata = stranger.discover()
    tokens = httpx2.post(metadata["token_endpoint"], data=form, auth=credentials).json()
    keys = KeySet.import_key_set(httpx2.get(metadata["jwks_uri"]).json())
    id_token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": stranger.ready["issuer"]},
        aud={"essential": True, "value": stranger.ready["client_id"]},
        nonce={"essential": True, "value": stranger.nonce},
    ).validate(id_token.claims)


@pytest.fixture(scope="session")
def relying_parties(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of Node.js programs built on clients written by others."""
    need(shutil.which("node"), "node", "a client written by others")
    directory = tmp_path_factory.mktemp("node")
    npm.install(NODE_PROGRAM / "package.json", directory, "a client written by others")
    for name in ("exchange.js", "sign_in.js"):
        shutil.copy(NODE_PROGRAM / name, directory)
    return directory


@pytest.mark.node
def test_openid_client_accepts_the_tokens_of_somebody_who_just_registered(
    stranger: Stranger, relying_parties: Path
) -> None:
    asked = {
        **stranger.ready,
        "callback": stranger.register(),
        "code_verifier": stranger.code_verifier,
        "state": stranger.state,
        "nonce": stranger.nonce,
    }
    done = subprocess.run(
        ["node", relying_parties / "exchange.js"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["userinfo"]["email"] == stranger.email
    assert answer["refreshed"]["sub"] == answer["claims"]["sub"]


@pytest.mark.node
def test_oidc_client_ts_signs_in_somebody_who_just_registered(
    stranger: Stranger, relying_parties: Path
) -> None:
    program = subprocess.Popen(
        ["node", relying_parties / "sign_in.js"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with program as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write(json.dumps({**stranger.ready, "nonce": stranger.nonce}) + "\n")
        callback = stranger.register(running.stdout.readline().strip())
        running.stdin.write(f"{callback}\n")
        answer = json.loads(running.stdout.readline())
    assert answer["profile"]["email"] == stranger.email
