"""Connector instances come and go, but never the last one people need."""

from dataclasses import dataclass

import pytest
from sqlmodel import Session

from idp.administration.audit import Actor, Filter, entries
from idp.administration.connectors import ConnectorInUse, change, remove_connector, save, try_out
from idp.administration.sign_in_experience import change_experience
from idp.connector_kit import InvalidConfig, UsageType
from idp.connector_kit.testing import MemoryEmailConnector
from idp.connectors import list_connectors, save_connector
from idp.outbox.sample import sample_mail
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.storage.tables import Connector

BUSY = {"usageType": "Generic", "subject": "{{code}}", "content": "{{code}}" + "<a " * 20_000}
ADMIN = Actor("user", "u1")
PASSWORDS_ONLY = {
    "signIn": {"methods": [{"identifier": "email", "verificationCode": False}]},
    "signInMode": "SignIn",
    "forgotPasswordMethods": [],
}


@dataclass(frozen=True)
class Office:
    """What an administrator works on."""

    database: Database
    settings: Settings
    secrets: Secrets
    plugins: Plugins

    async def add(self) -> str:
        saved = await self.database.run(
            save_connector, self.secrets, MemoryEmailConnector, {}, append=True
        )
        return saved.id

    async def remove(self, instance_id: str) -> bool:
        return await self.database.run(remove_connector, self, ADMIN, instance_id)


@pytest.fixture
def office(database: Database, settings: Settings, secrets: Secrets, plugins: Plugins) -> Office:
    plugins.connectors[MemoryEmailConnector.metadata.id] = MemoryEmailConnector
    return Office(database, settings, secrets, plugins)


async def test_one_of_two_goes_and_the_last_one_people_need_stays(office: Office) -> None:
    first, last = await office.add(), await office.add()
    assert await office.remove(first)
    with pytest.raises(ConnectorInUse, match="the last connector that can send"):
        await office.remove(last)
    assert [row.id for row in await office.database.run(list_connectors)] == [last]
    [entry] = await office.database.run(entries, Filter())
    assert (entry.action, entry.target_id) == ("connector.delete", first)


async def test_the_last_one_goes_once_nobody_needs_codes(office: Office) -> None:
    last = await office.add()
    await office.database.run(change_experience, office, ADMIN, PASSWORDS_ONLY)
    assert await office.remove(last)
    assert await office.database.run(list_connectors) == []


async def test_one_that_cannot_send_may_go_and_counts_for_nothing(office: Office) -> None:
    broken, last = await office.add(), await office.add()
    await office.database.run(_break, broken)
    with pytest.raises(ConnectorInUse):
        await office.remove(last)
    assert await office.remove(broken)


async def test_an_unknown_one_is_nothing_to_remove(office: Office) -> None:
    assert not await office.remove("gone")


def _break(session: Session, instance_id: str) -> None:
    session.get_one(Connector, instance_id).connector_id = "a-plugin-that-is-gone"


async def test_settings_whose_own_wording_takes_minutes_are_refused_in_time(
    office: Office,
) -> None:
    saved, config = await office.add(), {"templates": [BUSY]}
    run, kind = office.database.run, MemoryEmailConnector
    mail = sample_mail("me@example.test", UsageType.GENERIC)
    with pytest.raises(InvalidConfig, match=r"templates\.0\.content: ends within a tag"):
        await run(save, office, ADMIN, kind, config, append=True)
    with pytest.raises(InvalidConfig):
        await run(change, office, ADMIN, saved, config)
    with pytest.raises(InvalidConfig):
        await try_out(office.plugins, kind, config, mail)
    assert [row.version for row in await run(list_connectors)] == [1]
