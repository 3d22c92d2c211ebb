"""What an administrator does with connector instances."""

from sqlmodel import Session

from idp.accounts.sign_in_experience import load_experience
from idp.administration.audit import Actor, Target, record
from idp.administration.deployment import Deployment
from idp.connectors import delete_connector, has_usable_connector
from idp.storage.tables import Connector


class ConnectorInUse(Exception):
    """Without this instance people would wait for mails in vain; `code` is for programs."""

    code = "connector.in_use"


def remove_connector(
    session: Session, deployment: Deployment, actor: Actor, instance_id: str
) -> bool:
    """Forget an instance; tell whether there was one.

    Raises ConnectorInUse when it is the last usable one and the sign-in experience sends codes.
    """
    instance = session.get(Connector, instance_id)
    if instance is None:
        return False
    _check_not_needed(session, deployment, instance_id)
    details = {"connector_id": instance.connector_id}
    record(session, actor, "connector.delete", Target("connector", instance_id), details)
    return delete_connector(session, instance_id)


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
