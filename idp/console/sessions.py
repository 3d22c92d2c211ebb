"""Sessions: who is signed in, and in which browser."""

from starlette.requests import Request
from starlette.responses import Response

from idp.administration import sessions
from idp.administration.audit import Target
from idp.console.console import PATH, Console, Visitor, see_other

_PAGE = 50


async def show_sessions(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show who is signed in, the newest session first."""
    search = request.query_params.get("search", "").strip()[:320]
    before = request.query_params.get("before") or None
    of = (console.settings, search, before, _PAGE + 1)
    found = await console.database.read(sessions.signed_in, *of)
    return console.page(
        request,
        "sessions.html",
        user=visitor.user,
        found=found[:_PAGE],
        search=search,
        older=found[_PAGE - 1][0].id if len(found) > _PAGE else None,
        has_ended="ended" in request.query_params,
    )


async def submit_end(console: Console, request: Request, visitor: Visitor) -> Response:
    """Sign one browser out, and show where the administrator came from."""
    session_id = request.path_params["session_id"]
    end, outbox = sessions.end_session, console.office.outbox
    with visitor.trying("session.end", Target("session", session_id)):
        user_id = await console.database.run(end, visitor.actor, outbox, session_id)
    form = await request.form()
    if "at_person" in form:
        return see_other(f"{PATH}/users/{user_id}?notice=ended")
    return see_other(f"{PATH}/sessions?ended")
