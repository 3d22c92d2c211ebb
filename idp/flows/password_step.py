"""Sign in with address and password, for those who have one."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.passwords import verify_password
from idp.accounts.users import address_key, find_user
from idp.flows import texts
from idp.flows.desk import Desk, Finished, authorization, start
from idp.storage.tables import Flow, FlowKind, User


async def show_password(desk: Desk, request: Request) -> Response:
    """Ask for both; a person who already gave the address finds it filled in."""
    flow = await desk.database.run(_flow, desk, request)
    return _page(desk, request, _interaction_id(request, flow), email=flow.email if flow else "")


async def submit_password(desk: Desk, request: Request) -> Response:
    """Compare; an unknown address takes as long as a wrong password."""
    form = await request.form()
    email, password = str(form.get("email", "")).strip(), str(form.get("password", ""))
    flow = await desk.database.run(_flow, desk, request)
    interaction_id = _interaction_id(request, flow)
    user = await desk.database.run(_find, email)
    is_right = await verify_password(password, user.password_hash if user else None)
    if user is None or not is_right or user.suspended_at:
        return _page(desk, request, interaction_id, email=email, error=texts.BAD_CREDENTIALS)
    return desk.signed_in(await desk.database.run(_sign_in, desk, request, user.id, interaction_id))


def _sign_in(
    session: Session, desk: Desk, request: Request, user_id: str, interaction_id: str | None
) -> Finished:
    return desk.sign_in(session, request, user_id, ["pwd"], authorization(interaction_id))


def _find(session: Session, email: str) -> User | None:
    try:
        return find_user(session, address_key(email))
    except ValueError:
        return None


def _flow(session: Session, desk: Desk, request: Request) -> Flow | None:
    flow_id = request.query_params.get("flow")
    return desk.own_flow(session, request, flow_id, FlowKind.SIGN_IN) if flow_id else None


def _interaction_id(request: Request, flow: Flow | None) -> str | None:
    return flow.interaction_id if flow else request.query_params.get("interaction")


def _page(
    desk: Desk,
    request: Request,
    interaction_id: str | None,
    *,
    email: str,
    error: str | None = None,
) -> Response:
    locale = desk.pages.locale(request)
    forgot = start(FlowKind.FORGOT_PASSWORD, interaction_id)
    return desk.page(
        request,
        "sign_in_password.html",
        status_code=422 if error else 200,
        locale=locale,
        email=email,
        notice=texts.notice(locale, request.query_params.get("notice")),
        error=texts.say(locale, error) if error else None,
        links=[
            (texts.say(locale, texts.USE_CODE), start(FlowKind.SIGN_IN, interaction_id)),
            (texts.say(locale, texts.FORGOT_PASSWORD), forgot),
        ],
    )
