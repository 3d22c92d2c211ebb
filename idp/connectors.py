"""Saved settings become an opened connector, kept open until the settings change."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlmodel import Session, col, func, select

from idp.connector_kit import EmailConnector, InvalidConfig
from idp.plugins import ConnectorClass, Plugins, log_defect
from idp.settings import SetupError
from idp.storage import Database, Secrets
from idp.storage.tables import Breaker, Connector, now

log = structlog.get_logger(__name__)

_LONGEST_CLOSE = 15.0  # seconds, more than a mail under way can take


@dataclass(frozen=True)
class Opened:
    """A connector instance ready to send."""

    instance: Connector
    connector: EmailConnector[Any]


@dataclass(frozen=True)
class Unusable:
    """A connector instance that cannot send, and what to put right."""

    instance: Connector
    problem: InvalidConfig


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
        return [found for found in self.open(instances) if isinstance(found, Opened)]

    def open(self, instances: Sequence[Connector]) -> list[Opened | Unusable]:
        """Open these instances, which are all there are now; unusable ones are logged."""
        self._forget_all_but({instance.id for instance in instances})
        return [self._open(instance) for instance in instances]

    def gauges(self) -> dict[str, Mapping[str, float]]:
        """Return what each connector this process has open says of itself, by instance."""
        return {instance_id: _gauges(opened) for instance_id, opened in self._opened.items()}

    def _open(self, instance: Connector) -> Opened | Unusable:
        known = self._opened.get(instance.id)
        if known and known.instance.version >= instance.version:
            return known
        if known:
            self._close(self._opened.pop(instance.id))
        try:
            config = self._secrets.open_json(instance.config)
            connector = open_connector(self._plugins, instance.connector_id, config)
            settings = _OpenedSettings(self._database, self._secrets, instance, config)
            connector.on_config_change = settings.change
        except (InvalidConfig, SetupError) as error:
            log.warning("connector unusable", connector=instance.id, reason=str(error))
            return Unusable(instance, InvalidConfig(str(error)))
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
            log_defect("connector defect", error, connector=instance.connector_id)
            problem = f"The plugin failed to open it with {type(error).__name__}."
            return Unusable(instance, InvalidConfig(problem))
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


class _OpenedSettings:
    """The settings a connector was opened with; what it changes itself is saved."""

    def __init__(
        self, database: Database, secrets: Secrets, instance: Connector, config: Mapping[str, Any]
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._instance = instance
        self._config = config
        self._one_at_a_time = asyncio.Lock()

    async def change(self, change: Mapping[str, object]) -> None:
        instance = self._instance
        try:
            async with self._one_at_a_time:
                replaced = await self._database.run(
                    change_connector, self._secrets, instance.id, self._config, change
                )
                self._config = _merged(self._config, self._config, change)
        except Exception:
            log.exception("changed settings not saved", connector=instance.id)
            return
        # Nobody else changed anything, so this connector has the newest settings already.
        if replaced == instance.version:
            instance.version += 1


def _merged(
    current: Mapping[str, Any], known: Mapping[str, Any], change: Mapping[str, object]
) -> dict[str, Any]:
    """Apply a change made in knowledge of `known`; what somebody else changed since stays."""
    merged = dict(current)
    for key, value in change.items():
        inner, known_inner = current.get(key), known.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            merged[key] = _merged(inner, known_inner or {}, value)
        elif inner == known_inner:
            merged[key] = value
    return merged


def _gauges(opened: Opened) -> Mapping[str, float]:
    try:
        return {str(name): float(value) for name, value in opened.connector.gauges().items()}
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        log_defect("connector defect", error, connector=opened.instance.connector_id)
        return {}


async def _close(opened: Opened) -> None:
    try:
        async with asyncio.timeout(_LONGEST_CLOSE):
            await opened.connector.aclose()
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        log_defect("connector defect", error, connector=opened.instance.connector_id)


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


def has_usable_connector(
    session: Session, secrets: Secrets, plugins: Plugins, *, but: str | None = None
) -> bool:
    """Tell whether a plugin takes the settings of some saved instance, other than `but`."""
    return any(
        _is_usable(instance, secrets, plugins)
        for instance in list_connectors(session)
        if instance.id != but
    )


def _is_usable(instance: Connector, secrets: Secrets, plugins: Plugins) -> bool:
    connector = plugins.connectors.get(instance.connector_id)
    if connector is None:
        return False
    try:
        connector.config_model.parse(secrets.open_json(instance.config))
    except (InvalidConfig, SetupError):
        return False
    return True


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
        session.add(instance)
        session.flush()
    else:
        instance.config = sealed
        instance.version += 1
        instance.updated_at = now()
        session.add(instance)
    session.merge(Breaker(connector_id=instance.id))  # new settings are a new start
    return instance


def change_connector(
    session: Session,
    secrets: Secrets,
    instance_id: str,
    known: Mapping[str, object],
    change: Mapping[str, object],
) -> int | None:
    """Merge a change into saved settings; return the version replaced, None if nothing changed.

    The new version makes the connectors of other processes open with the new settings.
    """
    statement = select(Connector).where(Connector.id == instance_id).with_for_update()
    instance = session.exec(statement).first()
    if instance is None:
        return None
    current = secrets.open_json(instance.config)
    merged = _merged(current, known, change)
    if merged == current:
        return None
    replaced = instance.version
    instance.config = secrets.seal_json(merged)
    instance.version += 1
    instance.updated_at = now()
    session.add(instance)
    return replaced


def delete_connector(session: Session, instance_id: str) -> bool:
    """Forget an instance; tell whether there was one."""
    instance = session.get(Connector, instance_id)
    if instance is not None:
        session.delete(instance)
    return instance is not None
