"""Connector instances as an administrator keeps them: saved, tried out, ordered and removed.

Secrets can be written and never read: where one is saved, `KEPT` stands in what is shown, and means
"as it is" in what comes back.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlmodel import Session, select

from idp.administration.audit import Actor, Target, record
from idp.connector_kit import EmailRequest, InvalidConfig, ProbeStep
from idp.connectors import delete_connector, list_connectors, open_connector, save_connector
from idp.plugins import ConnectorClass, Plugins, log_defect
from idp.storage import Secrets
from idp.storage.tables import Breaker, Connector, now

KEPT = "(saved)"
"""Stands for a secret that is saved."""

_LONGEST_TRIAL = 60.0  # seconds


def without_secrets(connector: ConnectorClass, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with `KEPT` in place of every secret, empty ones aside."""
    return {key: _hidden(value, _secret_keys(connector), key=key) for key, value in config.items()}


def with_secrets(draft: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the saved secrets in place of `KEPT`.

    Raises InvalidConfig naming each place where nothing is saved.
    """
    missing: dict[str, str] = {}
    config: dict[str, Any] = _restored(draft, saved, (), missing)
    if missing:
        summary = "; ".join(f"{path}: {problem}" for path, problem in missing.items())
        raise InvalidConfig(f"The configuration is not valid: {summary}", problems=missing)
    return config


def _hidden(value: Any, keys: frozenset[str], *, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _hidden(inner, keys, key=name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, keys, key=key) for inner in value]
    return KEPT if key in keys and value else value


def _restored(draft: Any, saved: Any, path: tuple[str, ...], missing: dict[str, str]) -> Any:
    if isinstance(draft, Mapping):
        known = saved if isinstance(saved, Mapping) else {}
        return {
            key: _restored(value, known.get(key), (*path, key), missing)
            for key, value in draft.items()
        }
    if isinstance(draft, list):
        rows = saved if isinstance(saved, list) else []
        known_rows = [*rows, *[None] * len(draft)]
        return [
            _restored(value, known_rows[index], (*path, str(index)), missing)
            for index, value in enumerate(draft)
        ]
    if draft != KEPT:
        return draft
    if saved is None:
        missing[".".join(path)] = "has no saved value; type it"
    return saved


def _secret_keys(connector: ConnectorClass) -> frozenset[str]:
    """Return the names of the keys under which the model has secrets.

    A key may stand for an object in the model and still be given as a text, such as a private key
    without its passphrase, so the names of all keys on the way to a secret count.
    """
    schema = connector.config_model.model_json_schema(by_alias=True)
    return frozenset(_leading_to_secrets(schema, schema.get("$defs", {})))


def _leading_to_secrets(schema: Any, definitions: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        if _holds_secret(inner, definitions):
            yield name
        for member in _members(inner, definitions):
            yield from _leading_to_secrets(member, definitions)


def _holds_secret(schema: Any, definitions: Mapping[str, Any]) -> bool:
    if schema.get("writeOnly"):
        return True
    members = list(_members(schema, definitions))
    inner = [value for member in members for value in member.get("properties", {}).values()]
    return any(member.get("writeOnly") for member in members) or any(
        _holds_secret(value, definitions) for value in inner
    )


def _members(schema: Any, definitions: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what a value may be: every member of a union, and the items of a list."""
    if "$ref" in schema:
        yield definitions[schema["$ref"].rpartition("/")[2]]
    for member in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("items")):
        if member:
            yield member
            yield from _members(member, definitions)


async def try_settings(
    plugins: Plugins, connector_id: str, config: Mapping[str, object], mail: EmailRequest
) -> list[ProbeStep]:
    """Send a mail with settings that need not be saved, and tell what happened step by step.

    Raises InvalidConfig when the settings cannot work at all.
    """
    connector = open_connector(plugins, connector_id, config)
    replaced: list[str] = []
    connector.on_config_change = _NoteOf(replaced)
    try:
        async with asyncio.timeout(_LONGEST_TRIAL):
            steps = await connector.probe(mail)
    except TimeoutError:
        advice = "The test was given up after a minute: shorten the timeouts, or try again."
        steps = [ProbeStep(name="test", ok=False, seconds=_LONGEST_TRIAL, advice=advice)]
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        log_defect("connector defect", error, connector=connector_id)
        advice = f"The plugin failed with {type(error).__name__}; the server's log says where."
        steps = [ProbeStep(name="test", ok=False, advice=advice)]
    finally:
        await connector.aclose()
    if replaced:
        steps.append(_replaced(replaced))
    return steps


class _NoteOf:
    """Takes down the names of settings that the provider replaced during a test."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    async def __call__(self, change: Mapping[str, object]) -> None:
        self._names.extend(change)


def _replaced(names: Sequence[str]) -> ProbeStep:
    detail = f"The provider replaced {', '.join(sorted(set(names)))} during this test."
    advice = "The old value may be void: get a fresh one before you save."
    return ProbeStep(name="settings", ok=False, detail=detail, advice=advice)


def record_trial(
    session: Session, actor: Actor, connector_id: str, instance_id: str | None, *, ok: bool
) -> None:
    """Note that somebody sent a test mail; to whom is not kept."""
    details = {"connector": connector_id, "ok": str(ok).lower()}
    record(session, actor, "connector.test", Target("connector", instance_id), details)


def find_instance(session: Session, instance_id: str) -> Connector | None:
    return session.get(Connector, instance_id)


def create_instance(
    session: Session,
    secrets: Secrets,
    connector: ConnectorClass,
    config: Mapping[str, Any],
    actor: Actor,
) -> Connector:
    """Save new settings, last in the order of failover; raises InvalidConfig."""
    instance = save_connector(session, secrets, connector, config, append=True)
    details = {"connector": connector.metadata.id, "keys": sorted(config)}
    record(session, actor, "connector.create", Target("connector", instance.id), details)
    return instance


def change_instance(  # noqa: PLR0913 (whom, what, by whom)
    session: Session,
    secrets: Secrets,
    connector: ConnectorClass,
    instance_id: str,
    config: Mapping[str, Any],
    actor: Actor,
) -> Connector | None:
    """Replace the settings of an instance; None if there is none. Raises InvalidConfig."""
    connector.config_model.parse(config)
    statement = select(Connector).where(Connector.id == instance_id).with_for_update()
    instance = session.exec(statement).first()
    if instance is None:
        return None
    before = secrets.open_json(instance.config)
    changed = [key for key in {*before, *config} if before.get(key) != config.get(key)]
    instance.config = secrets.seal_json(config)
    instance.version += 1
    instance.updated_at = now()
    session.add(instance)
    session.merge(Breaker(connector_id=instance.id))  # new settings are a new start
    details = {"connector": instance.connector_id, "keys": sorted(changed)}
    record(session, actor, "connector.update", Target("connector", instance.id), details)
    return instance


def move_instance(session: Session, instance_id: str, by: int, actor: Actor) -> None:
    """Let an instance send before (-1) or after (1) its neighbour in the order of failover."""
    instances = list_connectors(session)
    place = next((i for i, each in enumerate(instances) if each.id == instance_id), None)
    if place is None or not 0 <= place + by < len(instances):
        return
    instances.insert(place + by, instances.pop(place))
    for position, instance in enumerate(instances):
        instance.position = position
        session.add(instance)
    details = {"position": place + by + 1}
    record(session, actor, "connector.move", Target("connector", instance_id), details)


def remove_instance(session: Session, instance_id: str, actor: Actor) -> bool:
    """Forget an instance; False, recorded, when it is the only one: no code could be mailed."""
    instances = list_connectors(session)
    instance = next((each for each in instances if each.id == instance_id), None)
    if instance is None:
        return True
    is_needed = len(instances) == 1
    details = {"connector": instance.connector_id}
    target = Target("connector", instance_id)
    record(session, actor, "connector.delete", target, details, refused=is_needed)
    return not is_needed and delete_connector(session, instance_id)
