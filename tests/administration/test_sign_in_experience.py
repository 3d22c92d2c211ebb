"""A change of the sign-in experience is checked against the connectors, and kept in the log."""

import pytest
from sqlmodel import Session

from idp.accounts.sign_in_experience import load_experience
from idp.administration.audit import Actor, Filter, entries
from idp.administration.deployment import Deployment
from idp.administration.problems import Invalid
from idp.administration.sign_in_experience import change_experience
from idp.cli.workspace import Workspace
from idp.connector_kit.testing import MemoryEmailConnector
from idp.connectors import save_connector
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Database, Secrets

ADMIN = Actor("user", "u1")
CODES = {"signIn": {"methods": [{"identifier": "email", "verificationCode": True}]}}


@pytest.fixture
def deployment(
    settings: Settings, database: Database, secrets: Secrets, plugins: Plugins
) -> Deployment:
    plugins.connectors[MemoryEmailConnector.metadata.id] = MemoryEmailConnector
    return Workspace(settings, database, secrets, plugins)


async def test_codes_are_turned_on_once_something_can_send_them(
    database: Database, deployment: Deployment
) -> None:
    with pytest.raises(Invalid, match="set one up first"):
        await database.run(change_experience, deployment, ADMIN, CODES)
    await database.run(save_connector, deployment.secrets, MemoryEmailConnector, {})
    saved = await database.run(change_experience, deployment, ADMIN, CODES)
    assert saved == await database.run(load_experience, deployment.settings)


async def test_a_change_leaves_an_entry_that_names_what_changed(
    database: Database, deployment: Deployment
) -> None:
    def change(session: Session) -> None:
        change_experience(session, deployment, ADMIN, {"customCss": "p { color: red }"})

    await database.run(change)
    [entry] = await database.run(entries, Filter())
    assert (entry.action, entry.details) == ("sign-in-exp.update", {"changed": ["customCss"]})
