"""Users: who has an account, how they sign in, what they have open."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from idp.administration import invitations, sessions, users
from idp.administration.administrators import is_administrator
from idp.administration.audit import Target
from idp.administration.problems import Problem
from idp.administration.users import NewUser, UserChange
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.forms import problems_of, sentence_of, text
from idp.storage.tables import User

_PAGE = 50
_NAMES = ("name", "given_name", "family_name")
_NOTICES = {
    "added": "The account is there. Its person signs in with a code, or sets a password.",
    "invited": "The invitation is on its way.",
    "saved": "Saved.",
    "suspend": "Suspended, and signed out everywhere.",
    "unsuspend": "Let in again.",
    "promote": "This person administers the server now.",
    "demote": "This person does not administer the server any more.",
    "reset": "The password is gone, every session has ended; a mail says where to set a new one.",
    "sign-out": "Signed out everywhere.",
    "revoke": "Taken back. The application must ask again.",
    "ended": "That session has ended.",
    "remove": "Deleted, with all that hung on it.",
}


@dataclass(frozen=True)
class Action:
    """What a button on a person's page does: the name in the audit log, and the unit of work."""

    name: str
    work: Callable[..., object]


async def show_users(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show the newest accounts, or those whose address begins as asked for."""
    search = request.query_params.get("search", "").strip()[:320]
    before = request.query_params.get("before") or None
    found = await console.database.read(users.find_users, search, before, _PAGE + 1)
    return console.page(
        request,
        "users.html",
        user=visitor.user,
        people=found[:_PAGE],
        is_administrator=is_administrator,
        search=search,
        older=found[_PAGE - 1].id if len(found) > _PAGE else None,
        notice=_NOTICES.get(request.query_params.get("notice", "")),
    )


async def show_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Ask whom to invite, or to add without a mail."""
    return _new_page(console, request, visitor, {})


async def submit_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Add an account; the administrator vouches for the address."""
    new = NewUser(email=text(await request.form(), "email"))
    try:
        with visitor.trying("user.create"):
            added = await console.database.run(users.add_user, visitor.actor, new)
    except Problem as problem:
        problems = {"email": sentence_of(problem)}
        return _new_page(console, request, visitor, problems, email=new.email)
    return see_other(f"{PATH}/users/{added.id}?notice=added")


async def submit_invitation(console: Console, request: Request, visitor: Visitor) -> Response:
    """Mail a link that gives its address an account."""
    form = await request.form()
    invitee = text(form, "invitee")
    organization = text(form, "organization") or console.settings.product_name
    send = invitations.send_invitation
    try:
        with visitor.trying("invitation.send"):
            await console.database.run(send, console.office, visitor.actor, invitee, organization)
    except Problem as problem:
        problems = {"invitee": sentence_of(problem)}
        return _new_page(console, request, visitor, problems, invitee=invitee)
    return see_other(f"{PATH}/users?notice=invited")


async def show_user(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show one person."""
    return await _page(console, request, visitor)


async def submit_user(console: Console, request: Request, visitor: Visitor) -> Response:
    """Change what is known about a person."""
    user_id, form = request.path_params["user_id"], await request.form()
    claims = {name: text(form, name)[:256] or None for name in _NAMES}
    change = UserChange(email=text(form, "email"), claims=claims)
    try:
        with visitor.trying("user.update", Target("user", user_id)):
            await console.database.run(users.change_user, visitor.actor, user_id, change)
    except Problem as problem:
        typed = {"email": change.email or "", **{name: text(form, name) for name in _NAMES}}
        problems = problems_of(problem)
        return await _page(console, request, visitor, typed=typed, problems=problems)
    return see_other(f"{PATH}/users/{user_id}?notice=saved")


async def submit_action(console: Console, request: Request, visitor: Visitor) -> Response:
    """Do what a button says."""
    user_id, action = request.path_params["user_id"], request.path_params["action"]
    chosen = _actions(console, visitor, user_id, await request.form()).get(action)
    if chosen is None:
        raise HTTPException(404)
    try:
        with visitor.trying(chosen.name, Target("user", user_id)):
            await console.database.run(chosen.work)
    except Problem as problem:
        if problem.status_code == 404:
            raise
        return await _page(console, request, visitor, problems=problems_of(problem))
    of_person = "" if action == "remove" else f"/{user_id}"
    return see_other(f"{PATH}/users{of_person}?notice={action}")


def _actions(console: Console, visitor: Visitor, user_id: str, form: FormData) -> dict[str, Action]:
    actor, outbox = visitor.actor, console.office.outbox
    given: dict[str, Any] = {"actor": actor, "user_id": user_id}
    told = given | {"outbox": outbox}
    reset = partial(users.reset_password, settings=console.settings, **told)
    revoke = partial(sessions.take_back_grant, client_id=text(form, "client_id"), **given)
    return {
        "suspend": Action("user.suspend", partial(users.suspend_user, suspended=True, **told)),
        "unsuspend": Action("user.unsuspend", partial(users.suspend_user, suspended=False, **told)),
        "promote": Action("user.roles", partial(users.set_administrator, wanted=True, **given)),
        "demote": Action("user.roles", partial(users.set_administrator, wanted=False, **given)),
        "reset": Action("user.password-reset", reset),
        "sign-out": Action("session.end-all", partial(sessions.end_sessions, **told)),
        "revoke": Action("grant.revoke", revoke),
        "remove": Action("user.delete", partial(users.remove_user, **told)),
    }


def _new_page(
    console: Console, request: Request, visitor: Visitor, problems: dict[str, str], **typed: str
) -> Response:
    return console.page(
        request,
        "user_new.html",
        status_code=422 if problems else 200,
        user=visitor.user,
        problems=problems,
        typed={"invitee": "", "email": "", **typed},
    )


async def _page(
    console: Console,
    request: Request,
    visitor: Visitor,
    *,
    typed: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    user_id = request.path_params["user_id"]
    access = await console.database.run(sessions.access_of, console.settings, user_id)
    return console.page(
        request,
        "user.html",
        status_code=422 if problems else 200,
        user=visitor.user,
        access=access,
        person=access.user,
        is_administrator=is_administrator(access.user),
        is_own=access.user.id == visitor.user.id,
        typed=typed or _profile(access.user),
        problems=problems or {},
        notice=_NOTICES.get(request.query_params.get("notice", "")),
    )


def _profile(person: User) -> dict[str, str]:
    return {"email": person.email, **{name: person.claims.get(name) or "" for name in _NAMES}}
