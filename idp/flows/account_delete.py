"""Delete an account, with everything that belongs to it."""

from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.accounts.users import delete_user
from idp.flows import texts
from idp.flows.account_guard import for_proven_owner
from idp.flows.desk import PATHS, Desk, see_other
from idp.storage.tables import FlowKind
from idp.web.cookies import device_cookie, session_cookie


@for_proven_owner
async def show_deletion(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Say what goes, and ask for the address as a confirmation."""
    return _page(desk, request, signed_in)


@for_proven_owner
async def submit_deletion(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Delete the account, its sessions, tokens and mails, if its address was typed."""
    form = await desk.form(request)
    typed = form.get("email", "").strip()
    if typed.casefold() != signed_in.user.email.casefold():
        return _page(desk, request, signed_in, typed=typed, error=texts.OTHER_ADDRESS)
    await desk.database.run(delete_user, desk.outbox, signed_in.user.id)
    response = see_other(f"{PATHS[FlowKind.SIGN_IN]}?notice=deleted")
    session_cookie(desk.settings).clear(response)
    device_cookie(desk.settings).clear(response)
    return response


def _page(
    desk: Desk,
    request: Request,
    signed_in: SignedIn,
    *,
    typed: str = "",
    error: str | None = None,
) -> Response:
    locale = desk.pages.locale(request)
    return desk.page(
        request,
        "account_delete.html",
        status_code=422 if error else 200,
        user=signed_in.user,
        typed=typed,
        error=texts.say(locale, error) if error else None,
    )
