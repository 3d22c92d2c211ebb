"""The account page: what the server knows about a person, where they are signed in, the way out."""

from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.grants import GrantedTo, list_grants, revoke_grants
from idp.accounts.sessions import SignedIn, end_everything, end_session, live_sessions, sign_out
from idp.flows import texts
from idp.flows.account_guard import for_owner
from idp.flows.desk import PATHS, Desk, see_other
from idp.storage.tables import BrowserSession, FlowKind
from idp.web.cookies import session_cookie
from idp.web.i18n import LANGUAGES


@dataclass(frozen=True)
class Overview:
    """What the account page lists."""

    sessions: list[BrowserSession]
    grants: list[GrantedTo]


@for_owner
async def show_account(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Show the account of who is signed in."""
    overview = await desk.database.run(_overview, desk, signed_in.user.id)
    locale = desk.pages.locale(request)
    return desk.page(
        request,
        "account.html",
        user=signed_in.user,
        language=LANGUAGES.get(signed_in.user.locale or locale, ""),
        this=signed_in.session,
        experience=desk.experience,
        overview=overview,
        notice=texts.notice(locale, request.query_params.get("notice")),
    )


async def submit_sign_out(desk: Desk, request: Request) -> Response:
    """Sign this browser out."""
    await desk.database.run(end_session, desk.outbox, desk.signed_in_cookie(request))
    response = see_other(PATHS[FlowKind.SIGN_IN])
    session_cookie(desk.settings).clear(response)
    return response


@for_owner
async def submit_session_end(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Sign another browser out, and every application used in it."""
    form = await desk.form(request)
    await desk.database.run(_end_one, desk, signed_in.user.id, form.get("session", ""))
    return see_other("/account?notice=signed-out#sessions")


@for_owner
async def submit_sessions_end(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Sign out everywhere but here."""
    user_id, here = signed_in.user.id, signed_in.session.id
    await desk.database.run(end_everything, desk.outbox, user_id, but=here)
    return see_other("/account?notice=signed-out#sessions")


@for_owner
async def submit_grant_end(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Take back what an application was granted."""
    form = await desk.form(request)
    await desk.database.run(revoke_grants, signed_in.user.id, form.get("client_id", ""))
    return see_other("/account?notice=revoked#applications")


def _overview(session: Session, desk: Desk, user_id: str) -> Overview:
    sessions = live_sessions(session, user_id, desk.settings)
    return Overview(sessions, list_grants(session, user_id))


def _end_one(session: Session, desk: Desk, user_id: str, session_id: str) -> None:
    own = [row.id for row in live_sessions(session, user_id, desk.settings)]
    if session_id in own:
        sign_out(session, desk.outbox, session_id, offline_too=True)
