"""The sign-in experience, as Logto's management API has it; guarded by ETag and If-Match."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import ValidationError
from sqlmodel import Session

from idp.accounts.sign_in_experience import (
    ExperienceChanged,
    ExperienceRefused,
    SignInExperience,
    load_experience,
)
from idp.administration.audit import Actor
from idp.administration.office import Office
from idp.administration.problems import Invalid, Stale
from idp.administration.sign_in_experience import change_experience
from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import JsonObject

router = APIRouter(prefix="/sign-in-exp", tags=["sign-in experience"])

_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"')
_TAGGED: Any = {
    200: {"headers": {"ETag": {"schema": {"type": "string"}, "description": "For If-Match."}}}
}


@router.get("", responses=_TAGGED)
async def get_sign_in_exp(office: OfficeDesk, _: Caller, response: Response) -> JsonObject:
    """Show how people may sign up and in, and how the pages look."""
    return _show(response, await office.database.read(load_experience, office.settings))


@router.patch("", responses=_TAGGED)
async def update_sign_in_exp(
    office: OfficeDesk,
    caller: Caller,
    response: Response,
    body: JsonObject,
    if_match: Annotated[str | None, Header(description="The ETag of what was changed.")] = None,
) -> JsonObject:
    """Change some of it; objects are merged, everything else is replaced."""
    version = _version(if_match)
    return _show(response, await office.database.run(_change, office, caller, body, version))


def _change(
    session: Session, office: Office, actor: Actor, change: JsonObject, version: int | None
) -> SignInExperience:
    try:
        return change_experience(session, office, actor, change, version=version)
    except ValidationError as error:
        raise _invalid(error) from error
    except ExperienceRefused as error:
        raise Invalid(error.code, str(error)) from error
    except ExperienceChanged as error:
        raise Stale("request.precondition_failed", str(error)) from error


def _show(response: Response, experience: SignInExperience) -> JsonObject:
    response.headers["ETag"] = f'"{experience.version}"'
    shown = experience.model_dump(mode="json", by_alias=True)
    return {"tenantId": "default", "id": "default", **shown}


def _version(if_match: str | None) -> int | None:
    """Read what If-Match names (RFC 9110 §13.1.1); raises Stale for what was never an ETag here."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale("request.precondition_failed", "If-Match names no version there has been.")
    return int(found[1])


def _invalid(error: ValidationError) -> Invalid:
    problems = {
        ".".join(map(str, each["loc"])) or "body": each["msg"]
        for each in error.errors(include_url=False, include_input=False)
    }
    named = "; ".join(f"{path}: {problem}" for path, problem in problems.items())
    return Invalid(
        "guard.invalid_input", f"The request is not valid: {named}.", data={"problems": problems}
    )
