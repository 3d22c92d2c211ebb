"""A whole server, its administrator, and people who are none."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from administrator import Administrator
from people import Site
from starlette.testclient import TestClient

from idp import hookimpl
from idp.administration.administrators import LINK_PATH, issue_administrator_link
from idp.app import create_app
from idp.connector_kit.testing import MemoryEmailConnector
from idp.connectors import save_connector
from idp.settings import Settings

ADMINISTRATOR = "root@example.test"


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    class Keeper(MemoryEmailConnector):
        pass

    class Plugin:
        @hookimpl
        def idp_register_email_connectors(self) -> list[type[MemoryEmailConnector]]:
            return [Keeper]

    app = create_app(settings, plugins=[Plugin()])
    with TestClient(app, base_url=settings.issuer) as client:
        site = Site(client, Keeper)
        site.work(save_connector, site.server.secrets, Keeper, {})
        yield site


@pytest.fixture
def link(site: Site, settings: Settings) -> str:
    """Return the path of a link that makes an administrator."""
    minutes = timedelta(minutes=5)
    address: str = site.work(issue_administrator_link, settings, ADMINISTRATOR, minutes)
    return LINK_PATH + address.partition(LINK_PATH)[2]


@pytest.fixture
def administrator(site: Site, link: str) -> Administrator:
    """Return an administrator who has just come in by the link."""
    person = site.person()
    person.open(link)
    person.press("")
    assert person.page.url.path == "/console"
    return Administrator(site, person)
