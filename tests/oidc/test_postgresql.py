"""The authorization side with PostgreSQL underneath."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import Session, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from idp.oidc import routes
from idp.oidc.consents import remember_consent
from idp.oidc.keys import KeyRing, list_keys, rotate_keys
from idp.settings import Settings
from idp.storage import Secrets, open_database
from idp.storage.tables import Client, Consent, User
from tests.oidc.conftest import ISSUER, KEY, SECRET, Site, answered, fill, open_provider

pytestmark = pytest.mark.postgresql


@pytest.fixture
def site(postgresql_url: str, keys: KeyRing) -> Iterator[Site]:
    settings = Settings(issuer=ISSUER, database_url=postgresql_url, secret_keys=[KEY])
    provider = open_provider(settings, postgresql_url)
    provider.keys = keys
    app = Starlette(routes=routes(provider))
    with TestClient(app, base_url=ISSUER, follow_redirects=False) as browser:
        site = Site(provider, browser)
        site.work(fill)
        yield site
        assert browser.portal
        browser.portal.call(provider.database.aclose)


def test_from_a_pushed_request_over_consent_to_the_end_of_the_session(site: Site) -> None:
    site.sign_in()
    query = site.authorize(client_id="foreign", scope="openid email").request.url.params
    form = {**query, "client_secret": SECRET}
    pushed = site.browser.post("/oidc/par", data=form).json()
    asked = {"client_id": "foreign", "request_uri": pushed["request_uri"]}
    page = site.browser.get("/oidc/authorize", params=asked, follow_redirects=True)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    allowed = site.browser.post("/oidc/consent", data={**fields, "decision": "allow"})
    code = answered(site.browser.get(allowed.headers["location"]))["code"]
    tokens = site.exchange(code, client_id="foreign", client_secret=SECRET).json()
    assert site.userinfo(tokens["access_token"]).json()["email"] == "alice@example.com"
    site.browser.get("/oidc/logout", params={"id_token_hint": tokens["id_token"]})
    assert site.userinfo(tokens["access_token"]).status_code == 401


def test_of_two_requests_at_once_one_wins_and_the_grant_is_revoked(site: Site) -> None:
    authorization_code = site.authorization_code()
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(site.exchange, [authorization_code] * 2))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 400)
    assert lost.json()["error"] == "invalid_grant"
    assert site.userinfo(won.json()["access_token"]).status_code == 401


def _add(session: Session) -> None:
    session.add(User(id="u", email="u@example.com", email_key="u@example.com"))
    session.add(Client(id="c", name="C", redirect_uris=[]))


def _consents(session: Session) -> list[str]:
    return [consent.scope for consent in session.exec(select(Consent))]


async def test_a_form_sent_twice_at_once_is_one_consent(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    await database.run(_add)
    scopes = (["openid", "email"], ["openid", "phone"])
    await asyncio.gather(*(database.run(remember_consent, "u", "c", each) for each in scopes))
    [scope] = await database.run(_consents)
    assert set(scope.split()) == {"openid", "email", "phone"}
    await database.aclose()


async def test_two_rotations_at_once_are_two_steps(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    secrets = Secrets([KEY])
    await database.run(rotate_keys, secrets)
    before = {key.kid for key in await database.run(list_keys)}
    await asyncio.gather(*(database.run(rotate_keys, secrets) for _ in range(2)))
    after = await database.run(list_keys)
    assert len(after) == 9
    assert len(before & {key.kid for key in after}) == 3
    await database.aclose()
