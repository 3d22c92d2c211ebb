"""What an administrator does with connector instances; their secrets go in and never come out."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from idp.accounts.sign_in_experience import load_experience
from idp.accounts.users import address_key
from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.connector_secrets import masked, restored
from idp.administration.deployment import Deployment
from idp.administration.problems import Invalid, NotFound, Refused
from idp.administration.template_lint import costly
from idp.connector_kit import (
    EmailConnector,
    EmailRequest,
    EmailTemplate,
    InvalidConfig,
    ProbeStep,
)
from idp.connectors import (
    delete_connector,
    has_usable_connector,
    list_connectors,
    open_connector,
    save_connector,
)
from idp.plugins import ConnectorClass, Plugins, log_defect
from idp.storage.tables import Breaker, Connector, now

_LONGEST_TEST = 30.0  # seconds


@dataclass(frozen=True)
class Instance:
    """A connector instance as an administrator sees it."""

    row: Connector
    connector: ConnectorClass | None
    """None when its plugin is not installed any more."""
    config: Mapping[str, Any]
    """Without its secrets."""
    breaker: Breaker | None
    """How it has been doing; None means well."""


@dataclass(frozen=True)
class Tested:
    """What a test mail went through, and which settings the provider replaced meanwhile."""

    steps: Sequence[ProbeStep]
    replaced: Sequence[str]
    """Key paths; nothing saved the new values, and the old ones may be void."""

    @property
    def failed_step(self) -> ProbeStep | None:
        return next((step for step in self.steps if not step.ok), None)


class ConnectorInUse(Refused):
    """Without this instance people would wait for mails in vain."""

    def __init__(self, message: str) -> None:
        super().__init__("connector.in_use", message)


def factory(plugins: Plugins, wanted: str) -> ConnectorClass:
    """Return the connector class with this id or short name; raises Refused."""
    connector = plugins.by_target(wanted)
    if connector is None:
        known = ", ".join(sorted(found.metadata.target for found in plugins.connectors.values()))
        raise Refused(
            "connector.not_found_with_connector_id",
            f"No installed plugin provides {wanted}; installed: {known or 'none'}.",
        )
    return connector


def instances(session: Session, deployment: Deployment) -> list[Instance]:
    """Return every instance in the order of failover."""
    return [_seen(session, deployment, row) for row in list_connectors(session)]


def instance(session: Session, deployment: Deployment, instance_id: str) -> Instance:
    """Return one instance; raises NotFound."""
    return _seen(session, deployment, _row(session, instance_id))


def save(  # noqa: PLR0913 (what a form holds)
    session: Session,
    deployment: Deployment,
    actor: Actor,
    connector: ConnectorClass,
    config: Mapping[str, Any],
    *,
    append: bool = False,
) -> Instance:
    """Save settings over the instance of the same class, or beside it with `append`.

    Raises InvalidConfig, and Invalid for a sentinel that stands for nothing.
    """
    same = None if append else _of_class(session, connector)
    before = deployment.secrets.open_json(same.config) if same else None
    whole = restored(connector, config, before)
    _check_wording(connector, whole)
    row = save_connector(session, deployment.secrets, connector, whole, append=append)
    action = "connector.update" if same else "connector.create"
    _record(session, actor, action, row, changed=_changed(before or {}, whole))
    return _seen(session, deployment, row)


def change(
    session: Session,
    deployment: Deployment,
    actor: Actor,
    instance_id: str,
    config: Mapping[str, Any],
) -> Instance:
    """Change some keys of the settings; None removes a key, a sentinel leaves its secret.

    Raises NotFound, Invalid, InvalidConfig; Refused when the plugin is not installed any more.
    """
    row = _row(session, instance_id, lock=True)
    before = deployment.secrets.open_json(row.config)
    connector = factory(deployment.plugins, row.connector_id)
    merged = {**masked(connector, before), **config}
    sent = {key: value for key, value in merged.items() if value is not None}
    whole = restored(connector, sent, before)
    _check_wording(connector, whole)
    if whole != before:
        row.config = deployment.secrets.seal_json(whole)
        row.version += 1
        row.updated_at = now()
        session.add(row)
        session.merge(Breaker(connector_id=row.id))  # new settings are a new start
        _record(session, actor, "connector.update", row, changed=_changed(before, whole))
    return _seen(session, deployment, row)


def move(session: Session, actor: Actor, instance_id: str, position: int) -> None:
    """Put an instance at this place in the order of failover, 0 being the first; raises NotFound.

    A place beyond the last one is the last one.
    """
    rows = list_connectors(session)
    moved = next((row for row in rows if row.id == instance_id), None)
    if moved is None:
        raise NotFound("connector", instance_id)
    rows.remove(moved)
    rows.insert(position, moved)
    for number, row in enumerate(rows):
        row.position = number
        session.add(row)
    _record(session, actor, "connector.move", moved, position=moved.position)


def remove_connector(
    session: Session, deployment: Deployment, actor: Actor, instance_id: str
) -> bool:
    """Forget an instance; tell whether there was one.

    Raises ConnectorInUse when it is the last usable one and the sign-in experience sends codes.
    """
    row = session.get(Connector, instance_id)
    if row is None:
        return False
    _check_not_needed(session, deployment, instance_id)
    _record(session, actor, "connector.delete", row)
    return delete_connector(session, instance_id)


def unsaved(
    session: Session,
    deployment: Deployment,
    connector: ConnectorClass,
    config: Mapping[str, Any],
    *,
    instance_id: str | None = None,
) -> dict[str, Any]:
    """Return settings to try out, with the saved secrets in place of sentinels; raises Invalid.

    They are those of the instance with this id; without one, of the first of the same class.
    """
    row = session.get(Connector, instance_id) if instance_id else _of_class(session, connector)
    saved = deployment.secrets.open_json(row.config) if row else None
    return restored(connector, config, saved)


async def try_out(
    plugins: Plugins, connector: ConnectorClass, config: Mapping[str, Any], request: EmailRequest
) -> Tested:
    """Send a mail with settings that need not be saved, the way every mail is sent.

    Raises InvalidConfig before anything is sent.
    """
    replaced: list[str] = []

    async def note(change: Mapping[str, object]) -> None:
        replaced.extend(_key_paths(change))

    _check_wording(connector, config)
    try:
        opened = open_connector(plugins, connector.metadata.id, config)
        opened.on_config_change = note
        try:
            steps = await _probed(opened, request)
        finally:
            await opened.aclose()
    except InvalidConfig:
        raise
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        log_defect("connector defect", error, connector=connector.metadata.id)
        steps = [_defect(error)]
    return Tested(steps, replaced)


async def _probed(opened: EmailConnector[Any], request: EmailRequest) -> Sequence[ProbeStep]:
    try:
        async with asyncio.timeout(_LONGEST_TEST):
            return await opened.probe(request)
    except TimeoutError:
        advice = f"It took longer than {_LONGEST_TEST:.0f} s. Shorten the timeouts in the settings."
        return [ProbeStep(name="send", ok=False, seconds=_LONGEST_TEST, advice=advice)]


def _defect(error: Exception) -> ProbeStep:
    """Say that a plugin failed in a way it may not; what it said may hold a secret."""
    detail = f"The plugin failed with {type(error).__name__}."
    advice = "This is a defect of the plugin; the log of the server has more of it."
    return ProbeStep(name="plugin", ok=False, detail=detail, advice=advice)


def record_test(
    session: Session, actor: Actor, connector: ConnectorClass, failed_step: ProbeStep | None
) -> None:
    """Note that somebody sent a test mail, and how it went."""
    target = Target("connector-factory", connector.metadata.id)
    failed_at = failed_step.name if failed_step else None
    audit.record(session, actor, "connector.test", target, {"failedAt": failed_at})


def _check_wording(connector: ConnectorClass, config: Mapping[str, Any]) -> None:
    """Refuse settings whose own templates would keep the server busy for minutes."""
    templates = getattr(connector.config_model.parse(config), "templates", ())
    problems = {
        f"templates.{number}.{finding.field}": finding.problem
        for number, template in enumerate(templates)
        if isinstance(template, EmailTemplate)
        for finding in costly(template)
    }
    if problems:
        named = "; ".join(f"{path}: {problem}" for path, problem in problems.items())
        raise InvalidConfig(f"The configuration is not valid: {named}", problems=problems)


def _check_not_needed(session: Session, deployment: Deployment, instance_id: str) -> None:
    secrets, plugins = deployment.secrets, deployment.plugins
    if not has_usable_connector(session, secrets, plugins):
        return  # this one does not send either
    if has_usable_connector(session, secrets, plugins, but=instance_id):
        return
    if load_experience(session, deployment.settings).needs_mail:
        raise ConnectorInUse(
            "It is the last connector that can send, and people sign up or in with codes by email: "
            "set up another one first, or turn the codes off in the sign-in experience."
        )


def _of_class(session: Session, connector: ConnectorClass) -> Connector | None:
    rows = list_connectors(session)
    return next((row for row in rows if row.connector_id == connector.metadata.id), None)


def _row(session: Session, instance_id: str, *, lock: bool = False) -> Connector:
    row = session.get(Connector, instance_id, with_for_update=lock or None)
    if row is None:
        raise NotFound("connector", instance_id)
    return row


def _seen(session: Session, deployment: Deployment, row: Connector) -> Instance:
    connector = deployment.plugins.connectors.get(row.connector_id)
    config = masked(connector, deployment.secrets.open_json(row.config))
    return Instance(row, connector, config, session.get(Breaker, row.id))


def _record(session: Session, actor: Actor, action: str, row: Connector, **details: object) -> None:
    known = {"connectorId": row.connector_id, **details}
    audit.record(session, actor, action, Target("connector", row.id), known)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Name the keys that changed; their values may be secret."""
    return sorted(key for key in before.keys() | after if before.get(key) != after.get(key))


def _key_paths(change: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for key, value in change.items():
        if isinstance(value, Mapping):
            yield from _key_paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def sendable_address(address: str) -> str:
    """Return the address if it is exactly one; raises Invalid."""
    try:
        address_key(address)
    except ValueError as error:
        raise Invalid("guard.invalid_input", f"email: {error}") from error
    return address
