"""A wording tried out on a real mail before it is saved, the way every mail is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from idp.administration import audit
from idp.administration.audit import Actor
from idp.administration.connectors import Tested, factory, instance, sendable_address, try_out
from idp.administration.deployment import Deployment
from idp.administration.email_templates import Key, checked
from idp.administration.problems import Refused
from idp.connector_kit import Capability, EmailRequest
from idp.outbox.sample import sample_mail
from idp.plugins import ConnectorClass


@dataclass(frozen=True)
class Trial:
    """A mail with sample values that waits to be sent with somebody's unsaved wording."""

    key: Key
    connector: ConnectorClass
    config: Mapping[str, Any]
    mail: EmailRequest


def prepare_trial(  # noqa: PLR0913 (what a form holds)
    session: Session,
    deployment: Deployment,
    key: Key,
    details: Mapping[str, Any],
    *,
    to: str,
    instance_id: str,
) -> Trial:
    """Return the mail; raises NotFound, Invalid, Refused before anything is sent."""
    if not instance_id:
        raise Refused("connector.not_found", "No connector can send it: set one up first.")
    row = instance(session, deployment, instance_id).row
    connector = factory(deployment.plugins, row.connector_id)
    if Capability.CUSTOM_TEMPLATE not in connector.metadata.capabilities:
        message = f"{connector.metadata.name['en']} words mails by itself; choose another."
        raise Refused("connector.no_custom_template", message)
    wording, _ = checked(key, details)
    mail = sample_mail(
        sendable_address(to), key.usage_type, locale=key.language_tag, template=wording
    )
    return Trial(key, connector, deployment.secrets.open_json(row.config), mail)


async def send_trial(deployment: Deployment, trial: Trial) -> Tested:
    """Send it and tell what happened."""
    return await try_out(deployment.plugins, trial.connector, trial.config, trial.mail)


def record_trial(session: Session, actor: Actor, trial: Trial, tested: Tested) -> None:
    """Note that somebody sent it, and how it went; to whom and in what words is left out."""
    failed_at = tested.failed_step.name if tested.failed_step else None
    details = {"connectorId": trial.connector.metadata.id, "failedAt": failed_at}
    audit.record(session, actor, "email-template.test", trial.key.target, details)
