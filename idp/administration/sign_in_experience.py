"""What an administrator sets about signing up and in."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from idp.accounts.sign_in_experience import (
    ExperienceChanged,
    ExperienceRefused,
    SignInExperience,
    save_experience,
)
from idp.administration.audit import Actor, Target, record
from idp.administration.deployment import Deployment
from idp.administration.problems import Invalid, Stale
from idp.connectors import has_usable_connector

TARGET = Target("sign-in-exp")
ACTION = "sign-in-exp.update"


def change_experience(
    session: Session,
    deployment: Deployment,
    actor: Actor,
    change: Mapping[str, Any],
    *,
    version: int | None = None,
) -> SignInExperience:
    """Merge a change, by Logto's names, over what holds, with an audit entry.

    Raises Invalid, naming the fields or with the code Logto has for values that cannot work
    together; Stale when `version`, what the change was made to, is not the stored one.
    """
    can_mail = has_usable_connector(session, deployment.secrets, deployment.plugins)
    try:
        experience = save_experience(
            session, deployment.settings, change, can_mail=can_mail, version=version
        )
    except ValidationError as error:
        raise _invalid(error) from error
    except ExperienceRefused as error:
        raise Invalid(error.code, str(error)) from error
    except ExperienceChanged as error:
        raise Stale("request.precondition_failed", str(error)) from error
    record(session, actor, ACTION, TARGET, {"changed": sorted(change)})
    return experience


def _invalid(error: ValidationError) -> Invalid:
    problems = {
        ".".join(map(str, each["loc"])) or "body": each["msg"].removeprefix("Value error, ")
        for each in error.errors(include_url=False, include_input=False)
    }
    named = "; ".join(f"{path}: {problem}" for path, problem in problems.items())
    return Invalid(
        "guard.invalid_input", f"The request is not valid: {named}.", data={"problems": problems}
    )
