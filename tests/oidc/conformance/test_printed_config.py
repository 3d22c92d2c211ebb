"""What `make conformance-config` prints works with our pages and endpoints."""

from typing import Any

import pytest
from conformance_config import CLAIMS, EMAIL, prepare
from starlette.testclient import TestClient

from idp.app import create_app
from idp.cli.workspace import Workspace, work_on
from idp.oidc.claims import CLAIMS_BY_SCOPE
from idp.settings import Settings

SUITE = "https://suite.example"


@pytest.fixture
def printed(settings: Settings) -> dict[str, Any]:
    """Return the configuration, prepared twice: the second time nothing is added."""

    async def prepared(workspace: Workspace) -> dict[str, Any]:
        first = await prepare(workspace, SUITE, "idp")
        assert await prepare(workspace, SUITE, "idp") == first
        return first

    return work_on(settings, prepared)


def _commands(printed: dict[str, Any]) -> dict[str, list[list[Any]]]:
    return {task["task"]: task["commands"] for each in printed["browser"] for task in each["tasks"]}


def _sign_in(browser: TestClient, printed: dict[str, Any]) -> str:
    """Do what the suite's browser does; return where it ends."""
    query = {
        "client_id": printed["client"]["client_id"],
        "redirect_uri": f"{SUITE}/test/a/idp/callback",
        "response_type": "code",
        "scope": "openid profile email address phone",
    }
    page = browser.get("/oidc/authorize", params=query)
    page = browser.get(page.headers["location"])
    assert '<nav aria-label="Other ways">' in page.text
    link = page.text.partition('<nav aria-label="Other ways">')[2].partition('href="')[2]
    address = link.partition('"')[0].replace("&amp;", "&")
    page = browser.get(address)
    typed = {element: text for _, _, element, text in _commands(printed)["Sign in"][:2]}
    assert typed["email"] == EMAIL
    for element in typed:
        assert f'id="{element}"' in page.text
    signed_in = browser.post(address, data=typed)
    answer: str = browser.get(signed_in.headers["location"]).headers["location"]
    return answer


def test_its_steps_lead_through_our_pages_to_every_standard_claim(
    settings: Settings, printed: dict[str, Any]
) -> None:
    with TestClient(
        create_app(settings), base_url=settings.issuer, follow_redirects=False
    ) as browser:
        callback = _sign_in(browser, printed)
        code = callback.partition("code=")[2].partition("&")[0]
        form = {"grant_type": "authorization_code", "code": code}
        form["redirect_uri"] = f"{SUITE}/test/a/idp/callback"
        basic = (printed["client"]["client_id"], printed["client"]["client_secret"])
        tokens = browser.post("/oidc/token", data=form, auth=basic).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        told = browser.get("/oidc/userinfo", headers=headers).json()
    assert set(told) == {claim for claims in CLAIMS_BY_SCOPE.values() for claim in claims}
    assert {name: told[name] for name in CLAIMS} == CLAIMS


def test_it_names_the_clients_each_plan_needs(printed: dict[str, Any]) -> None:
    clients = [printed[role] for role in ("client", "client_secret_post", "client2")]
    assert len({client["client_id"] for client in clients}) == 3
    assert all(len(client["client_secret"]) >= 32 for client in clients)
    assert printed["server"]["discoveryUrl"].endswith("/.well-known/openid-configuration")
