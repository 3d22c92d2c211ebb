"""Saved settings become an opened connector, kept open until the settings change."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlmodel import Session, col, func, select

from idp.connector_kit import EmailConnector, InvalidConfig
from idp.plugins import ConnectorClass, Plugins
from idp.settings import SetupError
from idp.storage import Database, Secrets
from idp.storage.tables import Connector, now

log = structlog.get_logger(__name__)

_LONGEST_CLOSE = 15.0  # seconds, more than a mail under way can take


@dataclass(frozen=True)
class Opened:
    """A connector instance ready to send."""

    instance: Connector
    connector: EmailConnector[Any]


class Connectors:
    """The connector instances of this deployment, in the order of failover."""

    def __init__(self, database: Database, secrets: Secrets, plugins: Plugins) -> None:
        self._database = database
        self._secrets = secrets
        self._plugins = plugins
        self._opened: dict[str, Opened] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def in_order(self) -> list[Opened]:
        """Return every usable instance, first choice first; unusable ones are logged."""
        instances = await self._database.run(list_connectors)
        self._forget_all_but({instance.id for instance in instances})
        return [opened for instance in instances if (opened := self._open(instance))]

    def _open(self, instance: Connector) -> Opened | None:
        known = self._opened.get(instance.id)
        if known and known.instance.version >= instance.version:
            return known
        if known:
            self._close(self._opened.pop(instance.id))
        try:
            config = self._secrets.open_json(instance.config)
            connector = open_connector(self._plugins, instance.connector_id, config)
        except (InvalidConfig, SetupError) as error:
            log.warning("connector unusable", connector=instance.id, reason=str(error))
            return None
        except Exception:
            log.exception("connector defect", connector=instance.connector_id)
            return None
        self._opened[instance.id] = opened = Opened(instance, connector)
        return opened

    def _forget_all_but(self, ids: set[str]) -> None:
        for gone in self._opened.keys() - ids:
            self._close(self._opened.pop(gone))

    def _close(self, opened: Opened) -> None:
        # Mails under way finish on the old connections while new ones use the new settings.
        task = asyncio.create_task(_close(opened))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close every opened connector."""
        self._forget_all_but(set())
        await asyncio.gather(*self._closing)


async def _close(opened: Opened) -> None:
    try:
        async with asyncio.timeout(_LONGEST_CLOSE):
            await opened.connector.aclose()
    except Exception:
        log.exception("connector defect", connector=opened.instance.connector_id)


def open_connector(
    plugins: Plugins, connector_id: str, config: Mapping[str, object]
) -> EmailConnector[Any]:
    """Validate settings and construct the connector; raises InvalidConfig naming what is wrong."""
    connector = plugins.connectors.get(connector_id)
    if connector is None:
        raise InvalidConfig(f"No installed plugin provides the connector {connector_id!r}.")
    return connector(connector.config_model.parse(config))


def list_connectors(session: Session) -> list[Connector]:
    """Return the saved instances in the order of failover."""
    statement = select(Connector).order_by(col(Connector.position), col(Connector.created_at))
    return list(session.exec(statement))


def save_connector(
    session: Session,
    secrets: Secrets,
    connector: ConnectorClass,
    config: Mapping[str, object],
    *,
    append: bool = False,
) -> Connector:
    """Save validated settings: over the instance of the same class, or beside it with `append`.

    Raises InvalidConfig when the settings cannot work.
    """
    connector.config_model.parse(config)
    sealed = secrets.seal_json(config)
    same_class = select(Connector).where(Connector.connector_id == connector.metadata.id)
    instance = None if append else session.exec(same_class).first()
    if instance is None:
        last = session.exec(select(func.max(Connector.position))).one()
        position = 0 if last is None else last + 1
        instance = Connector(connector_id=connector.metadata.id, config=sealed, position=position)
    else:
        instance.config = sealed
        instance.version += 1
        instance.updated_at = now()
    session.add(instance)
    return instance


def delete_connector(session: Session, instance_id: str) -> bool:
    """Forget an instance; tell whether there was one."""
    instance = session.get(Connector, instance_id)
    if instance is not None:
        session.delete(instance)
    return instance is not None
