"""The account page: what the server knows about a person, and the way out."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import end_session, load_session
from idp.flows.desk import PATHS, Desk, see_other
from idp.storage.tables import FlowKind
from idp.web.cookies import session_cookie


async def show_account(desk: Desk, request: Request) -> Response:
    """Show the account of who is signed in; anybody else is asked to sign in."""
    cookie = desk.signed_in_cookie(request)
    signed_in = await desk.database.run(load_session, cookie, desk.settings)
    if signed_in is None:
        return see_other(PATHS[FlowKind.SIGN_IN])
    return desk.page(request, "account.html", user=signed_in.user)


async def submit_sign_out(desk: Desk, request: Request) -> Response:
    """Sign this browser out."""
    await desk.database.run(_sign_out, desk.signed_in_cookie(request))
    response = see_other(PATHS[FlowKind.SIGN_IN])
    session_cookie(desk.settings).clear(response)
    return response


def _sign_out(session: Session, cookie: str | None) -> None:
    end_session(session, cookie)
