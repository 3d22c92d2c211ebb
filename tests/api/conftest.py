"""A server with its management API, and a program that may use it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from running_demo import RunningDemo
from starlette.testclient import TestClient

from idp.administration.access import add_management_client, issue_access_token
from idp.app import create_app
from idp.connector_kit.shipped_templates import shipped_templates
from idp.settings import Settings
from idp.verification import Limits

T = TypeVar("T")

PASSWORD = "hunter2-of-the-mail-server"
SMTP = "simple-mail-transfer-protocol"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of each kind of database in turn: what the API keeps, it keeps in both."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


class Api:
    """The management API as a program with an access token meets it."""

    def __init__(self, client: TestClient, settings: Settings) -> None:
        self.client = client
        self.settings = settings

    def work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a unit of work."""
        assert self.client.portal
        database = self.client.app.state.server.database  # type: ignore[attr-defined]
        result: T = self.client.portal.call(partial(database.run, function, *args, **kwargs))
        return result

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        return self.client.request(method, f"/api{path}", **options)


@pytest.fixture
def site(settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, limits=Limits.lifted(), deliver=False)
    with TestClient(app, base_url=settings.issuer, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def api(site: TestClient, settings: Settings) -> Api:
    api = Api(site, settings)
    issuer = settings.issuer
    client, _ = api.work(add_management_client, issuer, "Script", client_id="script")
    token = api.work(issue_access_token, issuer, client.id, timedelta(minutes=5))
    site.headers["Authorization"] = f"Bearer {token}"
    return api


def smtp_config(**changes: object) -> dict[str, Any]:
    """Return settings as a Logto script has them."""
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    return {
        "host": "mail.example.com",
        "port": 587,
        "auth": {"type": "login", "user": "mailer", "pass": PASSWORD},
        "fromEmail": "Example <no-reply@example.com>",
        "templates": templates,
        **changes,
    }


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A server as a process of its own, with a mailbox behind it."""
    demo = RunningDemo.start("--no-limits", "--no-seed")
    yield demo
    assert demo.stop() == 0
