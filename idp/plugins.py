"""Discovery of plugins by entry point; a broken one is reported and never stops the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Any

import structlog
from pluggy import PluginManager, PluginValidationError

from idp import hookspecs
from idp.connector_kit import EmailConnector

log = structlog.get_logger(__name__)

ENTRY_POINT_GROUP = "idp"

ConnectorClass = type[EmailConnector[Any]]


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class PluginReport:
    """One installed plugin as an administrator sees it; `problem` says why it is not used."""

    name: str
    distribution: str | None = None
    version: str | None = None
    hooks: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    problem: str | None = None


@dataclass
class Plugins:
    """The plugins in use: their hooks and the connector classes they brought."""

    manager: PluginManager
    connectors: dict[str, ConnectorClass] = field(default_factory=dict)
    reports: list[PluginReport] = field(default_factory=list)

    def ask(
        self, hook: str, read: Callable[[Any], Any] = _unchanged, /, **arguments: object
    ) -> list[Any]:
        """Call every implementation of a hook and `read` what it returned, unless that is None.

        One that raises, or whose result cannot be read, is logged and the rest go on.
        """
        results: list[Any] = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            try:
                given = [arguments[name] for name in implementation.argnames]
                result = implementation.function(*given)
                if result is not None:
                    results.append(read(result))
            except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
                log_defect("plugin failed", error, plugin=implementation.plugin_name, hook=hook)
        return results

    def by_target(self, target: str) -> ConnectorClass | None:
        """Return the connector class with this short name or id."""
        classes = self.connectors.values()
        named = (found for found in classes if found.metadata.target == target)
        return self.connectors.get(target) or next(named, None)


def log_defect(event: str, error: Exception, **fields: object) -> None:
    """Log which kind of error a plugin raised, and where.

    Its text is left out: it may name an address, hold a code or repeat the plugin's settings.
    """
    place = extract_tb(error.__traceback__)[-1]
    at = f"{Path(place.filename).name}:{place.lineno} in {place.name}"
    log.error(event, error=type(error).__name__, at=at, **fields)


def load_plugins(extra: Sequence[object] = ()) -> Plugins:
    """Load every installed plugin, then the `extra` objects; broken ones are only reported."""
    manager = PluginManager(hookspecs.hookspec.project_name)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager)
    for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        distribution = entry_point.dist
        report = PluginReport(
            entry_point.name,
            distribution.name if distribution else None,
            distribution.version if distribution else None,
        )
        _add(plugins, report, entry_point.load)
    for plugin in extra:
        name = getattr(plugin, "__name__", type(plugin).__name__)
        _add(plugins, PluginReport(name), partial(_unchanged, plugin))
    return plugins


def _add(plugins: Plugins, report: PluginReport, load: Callable[[], object]) -> None:
    try:
        plugin = load()
        _register(plugins.manager, plugin, report.name)
        report = replace(report, hooks=_implemented(plugins.manager, plugin))
        for connector in _provided(plugins.manager, plugin):
            _add_connector(plugins, connector)
            report = replace(report, connectors=(*report.connectors, connector.metadata.id))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (it may fail in any way it likes)
        reason = " ".join(str(error).split())
        report = replace(report, problem=f"{type(error).__name__}: {reason}")
    plugins.reports.append(report)


def _register(manager: PluginManager, plugin: object, name: str) -> None:
    if manager.has_plugin(name):
        raise ValueError(f"there is already a plugin named {name!r}")
    manager.register(plugin, name)
    try:
        manager.check_pending()
    except PluginValidationError:
        manager.unregister(plugin)
        raise


def _implemented(manager: PluginManager, plugin: object) -> tuple[str, ...]:
    return tuple(sorted(caller.name for caller in manager.get_hookcallers(plugin) or ()))


def _provided(manager: PluginManager, plugin: object) -> list[ConnectorClass]:
    implementations: list[Any] = manager.hook.idp_register_email_connectors.get_hookimpls()
    own = (implementation for implementation in implementations if implementation.plugin is plugin)
    return [connector for implementation in own for connector in implementation.function()]


def _add_connector(plugins: Plugins, connector: ConnectorClass) -> None:
    known = plugins.connectors.setdefault(connector.metadata.id, connector)
    if known is not connector:
        raise ValueError(
            f"the connector id {connector.metadata.id!r} is already provided by "
            f"{known.__module__}.{known.__qualname__}"
        )
