"""Connectors: what is installed, what is saved, in which order, and what codes are for."""

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sign_in_experience import SignInExperience, SignInMode, load_experience
from idp.administration import connectors
from idp.administration.audit import Target
from idp.administration.connectors import Instance
from idp.administration.problems import Problem
from idp.administration.sign_in_experience import ACTION, TARGET, change_experience
from idp.console.console import PATH, Console, Visitor, see_other
from idp.web.branding import PICTURE_POLICY

_NOTICES = {
    "saved": "Saved. The next mail leaves with these settings.",
    "moved": "The order is changed.",
    "removed": "Removed.",
    "experience": "Saved. The sign-up and sign-in pages follow at once.",
}


async def show_connectors(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show what is saved, in the order of failover, and what could be."""
    notice = _NOTICES.get(request.query_params.get("notice", ""))
    return await _page(console, request, visitor, notice=notice)


async def show_logo(console: Console, request: Request, _: Visitor) -> Response:
    """Send a plugin's picture; opened by itself it could do no more than in a page."""
    connector = console.office.plugins.connectors.get(request.path_params["connector_id"])
    if connector is None or connector.metadata.logo is None:
        raise HTTPException(404)
    return Response(connector.metadata.logo, media_type="image/svg+xml", headers=PICTURE_POLICY)


async def submit_move(console: Console, request: Request, visitor: Visitor) -> Response:
    """Put an instance at another place in the order of failover."""
    form = await request.form()
    place = str(form.get("place", ""))
    position = int(place) if place.isascii() and place.isdigit() else 0
    instance_id = request.path_params["instance_id"]
    move = connectors.move
    try:
        with visitor.trying("connector.move", Target("connector", instance_id)):
            await console.database.run(move, visitor.actor, instance_id, min(position, 1000))
    except Problem as problem:
        return await _page(console, request, visitor, problem=problem.message)
    return see_other(f"{PATH}/connectors?notice=moved")


async def submit_removal(console: Console, request: Request, visitor: Visitor) -> Response:
    """Forget an instance, unless people would then wait for mails in vain."""
    instance_id, actor = request.path_params["instance_id"], visitor.actor
    remove = connectors.remove_connector
    try:
        with visitor.trying("connector.delete", Target("connector", instance_id)):
            await console.database.run(remove, console.office, actor, instance_id)
    except Problem as problem:
        return await _page(console, request, visitor, problem=problem.message)
    return see_other(f"{PATH}/connectors?notice=removed")


async def submit_experience(console: Console, request: Request, visitor: Visitor) -> Response:
    """Say whether strangers may sign up with an address, and whether codes sign people in."""
    form = await request.form()
    asked = "sign_up" in form, "sign_in" in form
    try:
        with visitor.trying(ACTION, TARGET):
            await console.database.run(_change_experience, console, visitor, *asked)
    except Problem as problem:
        return await _page(console, request, visitor, problem=problem.message)
    await console.desk.current.refresh()
    return see_other(f"{PATH}/connectors?notice=experience")


def _change_experience(
    session: Session, console: Console, visitor: Visitor, sign_up: bool, sign_in: bool
) -> None:
    method = load_experience(session, console.settings).email.model_dump(by_alias=True)
    method["verificationCode"] = sign_in
    mode = SignInMode.SIGN_IN_AND_REGISTER if sign_up else SignInMode.SIGN_IN
    change = {"signInMode": mode.value, "signIn": {"methods": [method]}}
    change_experience(session, console.office, visitor.actor, change)


async def _page(
    console: Console,
    request: Request,
    visitor: Visitor,
    *,
    notice: str | None = None,
    problem: str | None = None,
) -> Response:
    instances, experience = await console.database.run(_read, console)
    return console.page(
        request,
        "connectors.html",
        status_code=422 if problem else 200,
        user=visitor.user,
        instances=instances,
        experience=experience,
        factories=console.office.plugins.connectors,
        notice=notice,
        problem=problem,
    )


def _read(session: Session, console: Console) -> tuple[list[Instance], SignInExperience]:
    return (
        connectors.instances(session, console.office),
        load_experience(session, console.settings),
    )
