"""The outbox is tested on both kinds of database, with connectors that answer as told."""

from collections.abc import AsyncIterator

import pytest
from postman import Observer, Postman
from scripted import ScriptedConnector, plugin_of

from idp.connectors import Connectors
from idp.outbox import Courier, Outbox, open_carrier
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def postman(
    settings: Settings, database: Database, secrets: Secrets
) -> AsyncIterator[Postman]:
    class First(ScriptedConnector, target="first"):
        pass

    class Second(ScriptedConnector, target="second"):
        pass

    observer, carrier = Observer(), open_carrier(settings)
    plugins = load_plugins([plugin_of(First, Second), observer])
    connectors = Connectors(database, secrets, plugins)
    outbox = Outbox(settings, secrets, plugins, carrier.defer)
    courier = Courier(database, secrets, connectors, plugins, carrier.follow_up)
    yield Postman(database, secrets, outbox, courier, carrier, connectors, First, Second, observer)
    await connectors.aclose()
