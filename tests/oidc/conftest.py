"""A provider with one person and a few clients, and a browser in front of it."""

import shutil
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from cryptography.fernet import Fernet
from sqlmodel import Session, create_engine, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from idp.accounts.sessions import Visit, start_session
from idp.accounts.users import create_user
from idp.oidc import Provider, routes
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client
from idp.oidc.keys import KeyRing, ensure_signing_keys, load_signing_keys
from idp.outbox import Outbox
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Secrets, open_database
from idp.storage.migrations import upgrade
from idp.storage.secrets import fingerprint
from idp.storage.tables import BrowserSession, Client, ClientSecret, User, now
from idp.web.cookies import session_cookie
from idp.web.pages import Pages

T = TypeVar("T")

ISSUER = "http://localhost:8000"
CALLBACK = "https://app.example/callback"
SECRET = "a-secret-that-is-too-long-to-be-guessed-43ch"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
KEY = Fernet.generate_key().decode()


class Site:
    """The provider under test as clients, people and their browsers meet it."""

    def __init__(self, provider: Provider, browser: TestClient) -> None:
        self.provider = provider
        self.browser = browser

    def work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a unit of work."""
        assert self.browser.portal
        return self.browser.portal.call(
            partial(self.provider.database.run, function, *args, **kwargs)
        )

    def change(self, table: type[Any], **values: Any) -> None:
        """Change every row of a table, as time or an administrator would."""

        def change(session: Session) -> None:
            for row in session.exec(select(table)):
                row.sqlmodel_update(values)

        self.work(change)

    def secrets_of(self, client_id: str) -> list[str]:
        """Return the fingerprints of a client's secrets."""
        of_client = select(ClientSecret.fingerprint).where(ClientSecret.client_id == client_id)
        return self.work(lambda session: list(session.exec(of_client)))

    def sign_in(self, email: str = "alice@example.com", *, ago: float = 0) -> str:
        """Sign a person in; return the `sub` of their id tokens."""
        cookie, subject = self.work(_sign_in, email, ago, self.provider.settings)
        self.browser.cookies.set(session_cookie(self.provider.settings).name, cookie)
        return subject

    def authorize(self, **changes: str | None) -> httpx2.Response:
        """Send an authorization request; None leaves a parameter out."""
        parameters = {
            "client_id": "web",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email offline_access",
            "state": "a state",
            "nonce": "a-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        sent = {name: value for name, value in parameters.items() if value is not None}
        return self.browser.get("/oidc/authorize", params=sent)

    def resume(self, interaction: str) -> httpx2.Response:
        return self.browser.get("/oidc/authorize", params={"interaction": interaction})

    def exchange(self, authorization_code: str, **changes: str | None) -> httpx2.Response:
        """Exchange an authorization code; credentials in `changes` replace Basic ones."""
        form = {
            "grant_type": "authorization_code",
            "code": authorization_code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self._token(form)

    def refresh(self, refresh_token: str, **changes: str | None) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        return self._token(form)

    def call(self, endpoint: str, client_id: str, **form: str) -> httpx2.Response:
        """Call an endpoint as a client that authenticates with its secret."""
        return self.browser.post(f"/oidc/{endpoint}", data=form, auth=(client_id, SECRET))

    def client_credentials(self, **form: str) -> httpx2.Response:
        return self.call("token", "machine", grant_type="client_credentials", **form)

    def introspect(self, presented: str, client_id: str = "web") -> dict[str, Any]:
        answer: dict[str, Any] = self.call("introspect", client_id, token=presented).json()
        return answer

    def _token(self, form: dict[str, str | None]) -> httpx2.Response:
        sent = {name: value for name, value in form.items() if value is not None}
        if "client_id" in sent:
            return self.browser.post("/oidc/token", data=sent)
        return self.browser.post("/oidc/token", data=sent, auth=("web", SECRET))

    def authorization_code(self, **changes: str | None) -> str:
        """Sign in and get an authorization code."""
        self.sign_in()
        return answered(self.authorize(**changes))["code"]

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Sign in and get tokens."""
        answer: dict[str, Any] = self.exchange(self.authorization_code(**changes)).json()
        return answer

    def claims(self, id_token: str) -> dict[str, Any]:
        claims = self.provider.keys.read_id_token(id_token)
        assert claims is not None
        return claims

    def userinfo(self, access_token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.browser.get("/oidc/userinfo", headers=headers)


def answered(response: httpx2.Response) -> dict[str, str]:
    """Return the parameters of a redirect."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def _sign_in(session: Session, email: str, ago: float, settings: Settings) -> tuple[str, str]:
    user = session.exec(select(User).where(User.email == email)).one()
    secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
    outbox = Outbox(settings, secrets, load_plugins(), lambda *_: None)
    cookie = start_session(session, outbox, user.id, ["otp"], settings, Visit())
    session.flush()
    session.get_one(BrowserSession, fingerprint(cookie)).auth_time = now() - timedelta(seconds=ago)
    return cookie, user.id


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the database every test starts from."""
    file = tmp_path_factory.mktemp("oidc") / "idp.db"
    upgrade(f"sqlite:///{file}")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection, Session(connection) as session:
        fill(session)
        session.commit()
    engine.dispose()
    return file


def register(
    session: Session, *, client_id: str | None = None, secret: str | None = None, **metadata: Any
) -> tuple[Client, str | None]:
    return add_client(session, ClientMetadata(**metadata), client_id=client_id, secret=secret)


def fill(session: Session) -> None:
    ensure_signing_keys(session, Secrets([KEY]))
    alice = create_user(session, "alice@example.com", locale="de")
    claims = {"name": "Alice Adams", "given_name": "Alice"}
    session.get_one(User, alice.id).claims = claims
    create_user(session, "bob@example.com")
    web: dict[str, Any] = {"secret": SECRET}
    web["redirect_uris"] = [CALLBACK, f"{CALLBACK}/2?fixed=1"]
    home = ["https://app.example/"]
    register(session, client_id="web", name="Web", post_logout_redirect_uris=home, **web)
    register(session, client_id="other", name="Other", post_logout_redirect_uris=home, **web)
    register(session, client_id="foreign", name="Foreign", first_party=False, **web)
    register(session, client_id="old", name="Old", require_pkce=False, **web)
    machine: dict[str, Any] = {"redirect_uris": [], "secret": SECRET, "scope": "read:things email"}
    machine["grant_types"] = ["client_credentials"]
    register(session, client_id="machine", name="Machine", **machine)
    native = ["http://127.0.0.1/callback", "com.example.app:/callback", CALLBACK]
    app: dict[str, Any] = {"public": True, "require_pkce": False, "redirect_uris": native}
    register(session, client_id="native", name="Native", **app)


@pytest.fixture(scope="session")
def keys(filled_database: Path) -> KeyRing:
    """Import the signing key once, for it takes longer than most tests."""
    engine = create_engine(f"sqlite:///{filled_database}")
    with Session(engine) as session:
        stored = load_signing_keys(session, Secrets([KEY]))
    engine.dispose()
    return KeyRing.open(stored)


def open_provider(settings: Settings, url: str) -> Provider:
    secrets = Secrets([KEY])
    outbox = Outbox(settings, secrets, load_plugins(), lambda *_: None)
    return Provider(settings, open_database(url), secrets, Pages(settings), outbox)


@pytest.fixture
def site(tmp_path: Path, filled_database: Path, keys: KeyRing) -> Iterator[Site]:
    url = f"sqlite:///{shutil.copy(filled_database, tmp_path)}"
    settings = Settings(issuer=ISSUER, database_url=url, secret_keys=[KEY])
    provider = open_provider(settings, url)
    provider.keys = keys
    app = Starlette(routes=routes(provider))
    with TestClient(app, base_url=ISSUER, follow_redirects=False) as browser:
        yield Site(provider, browser)
        assert browser.portal
        browser.portal.call(provider.database.aclose)
