"""The sign-in experience, as Logto's management API has it; guarded by ETag and If-Match."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from idp.accounts.sign_in_experience import SignInExperience, load_experience
from idp.administration.problems import Stale
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
    work = change_experience
    changed = await office.database.run(work, office, caller, body, version=version)
    return _show(response, changed)


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
