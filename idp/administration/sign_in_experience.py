"""What an administrator sets about signing up and in."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from idp.accounts.sign_in_experience import SignInExperience, save_experience
from idp.administration.audit import Actor, Target, record
from idp.administration.deployment import Deployment
from idp.connectors import has_usable_connector


def change_experience(
    session: Session,
    deployment: Deployment,
    actor: Actor,
    change: Mapping[str, Any],
    *,
    version: int | None = None,
) -> SignInExperience:
    """Save a change with an audit entry; raises what `save_experience` raises."""
    can_mail = has_usable_connector(session, deployment.secrets, deployment.plugins)
    experience = save_experience(
        session, deployment.settings, change, can_mail=can_mail, version=version
    )
    details = {"changed": sorted(change)}
    record(session, actor, "sign-in-exp.update", Target("sign-in-exp"), details)
    return experience
