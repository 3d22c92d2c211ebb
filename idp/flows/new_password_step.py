"""A step that sets a password: of a new account, or in place of a forgotten one."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.passwords import is_weak
from idp.accounts.sessions import end_everything
from idp.accounts.users import find_user, set_password
from idp.flows import texts
from idp.flows.desk import Desk, Finished, Step, end_flow, password_page, see_other, step
from idp.outbox.notices import Notice
from idp.storage.tables import Flow, FlowKind, User


async def show_new_password(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Ask for the password."""
    found = await desk.database.read(_load, desk, kind, request)
    if found is None:
        return await desk.start_over(request)
    flow, _ = found
    if flow.proven_at is None:
        return see_other(step(flow, Step.CODE))
    return _page(desk, request, flow)


async def submit_new_password(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Refuse a weak password; otherwise store it and end the flow."""
    found = await desk.database.read(_load, desk, kind, request)
    if found is None:
        return await desk.start_over(request)
    flow, user = found
    if flow.proven_at is None:
        return see_other(step(flow, Step.CODE))
    form = await request.form()
    password = str(form.get(_field(kind), ""))
    if is_weak(password, flow.email, desk.settings.product_name):
        return _page(desk, request, flow, error=texts.WEAK_PASSWORD)
    if user and user.password_hash and await desk.passwords.verify(password, user.password_hash):
        return _page(desk, request, flow, error=texts.SAME_PASSWORD)
    password_hash = await desk.passwords.hash(password)
    finished = await desk.database.run(_finish, desk, kind, request, password_hash)
    if finished is None:
        return await desk.start_over(request)
    return desk.signed_in(finished) if isinstance(finished, Finished) else see_other(finished)


def _load(
    session: Session, desk: Desk, kind: FlowKind, request: Request
) -> tuple[Flow, User | None] | None:
    flow = desk.load_flow(session, request, kind)
    return (flow, find_user(session, flow.email_key)) if flow else None


def _finish(
    session: Session, desk: Desk, kind: FlowKind, request: Request, password_hash: str
) -> Finished | str | None:
    flow = desk.lock_flow(session, request, kind)
    if flow is None or flow.proven_at is None:
        return None
    user = find_user(session, flow.email_key)
    if kind is not FlowKind.FORGOT_PASSWORD:
        return desk.finish(session, request, flow, user, password_hash=password_hash)
    if user is None:
        return None
    # OWASP Forgot Password: end what the old password opened, and let the person sign in anew.
    set_password(session, user.id, password_hash)
    end_everything(session, desk.outbox, user.id)
    desk.notify(session, request, Notice.PASSWORD_CHANGED, user)
    end_flow(session, flow)
    return password_page(flow.interaction_id, notice="password-changed")


def _page(desk: Desk, request: Request, flow: Flow, *, error: str | None = None) -> Response:
    return desk.page(
        request,
        "new_password.html",
        status_code=422 if error else 200,
        locale=flow.locale,
        flow=flow,
        field=_field(flow.kind),
        error=texts.say(flow.locale, error) if error else None,
    )


def _field(kind: FlowKind) -> str:
    return "new_password" if kind is FlowKind.FORGOT_PASSWORD else "password"
