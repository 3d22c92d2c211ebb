"""A step taken when the proven address turns out to have an account, or none."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.users import find_user
from idp.flows import texts
from idp.flows.desk import Desk, Finished, Step, see_other, start, step
from idp.flows.ways import must_tick
from idp.storage.tables import Flow, FlowKind
from idp.verification import Problem


async def show_confirm(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Say what is true and offer to go on with the same proof."""
    return await _show(desk, kind, request)


async def _show(
    desk: Desk, kind: FlowKind, request: Request, *, error: Problem | None = None
) -> Response:
    flow = await desk.database.read(desk.load_flow, request, kind)
    if flow is None:
        return await desk.start_over(request)
    if flow.proven_at is None:
        return see_other(step(flow, Step.CODE))
    return desk.page(
        request,
        "confirm.html",
        locale=flow.locale,
        texts=texts.confirm(kind, flow.locale),
        must_tick=_must_tick(desk, kind),
        status_code=error.status if error else 200,
        error=texts.explain(flow.locale, error) if error else None,
        flow=flow,
        start=start(kind, flow.interaction_id),
    )


async def submit_confirm(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Sign in to the account there is, or create the one there was not."""
    if _must_tick(desk, kind) and "agreed" not in await desk.form(request):
        return await _show(desk, kind, request, error=Problem.TERMS_NOT_AGREED)
    result = await desk.database.run(_confirm, desk, kind, request)
    if isinstance(result, Finished):
        return desk.signed_in(result)
    return see_other(step(*result)) if result else await desk.start_over(request)


def _must_tick(desk: Desk, kind: FlowKind) -> bool:
    """Tell whether the person creates an account and has agreed to nothing yet."""
    experience = desk.experience
    is_asked_late = experience.must_tick_terms(registers=True)
    return is_asked_late and not must_tick(experience, kind)


def _confirm(
    session: Session, desk: Desk, kind: FlowKind, request: Request
) -> Finished | tuple[Flow, Step] | None:
    flow = desk.lock_flow(session, request, kind)
    if flow is None:
        return None
    if flow.proven_at is None:
        return flow, Step.CODE
    owner = find_user(session, flow.email_key)
    if owner is None and desk.experience.sign_up.password:
        return flow, Step.NEW_PASSWORD
    return desk.finish(session, request, flow, owner)
