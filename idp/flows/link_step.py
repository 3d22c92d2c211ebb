"""The page behind a link in a mail: opening it shows what it does, its button does it, once.

Mail scanners and previews open links, so a GET changes nothing.
"""

from collections.abc import Callable

from sqlmodel import Session, col, delete
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.links import find_link, use_link
from idp.accounts.sessions import end_everything
from idp.accounts.users import change_address
from idp.flows import texts
from idp.flows.code_step import go_on, refused
from idp.flows.desk import FLOWS, LOCKED_FLOW, PATHS, Desk, Finished, Step, see_other, step
from idp.flows.invitation import accept_invitation
from idp.storage.tables import Flow, FlowKind, LinkPurpose, MailedLink, now
from idp.verification import Problem

Use = Callable[[Session, Desk, Request, MailedLink], Finished | Response]
"""Does what a link is for, and leads the person on."""


async def show_link(desk: Desk, request: Request, *, error: Problem | None = None) -> Response:
    """Say what the button does."""
    found = await desk.database.run(_load, desk, request)
    if found is None:
        return _gone(desk, request)
    link, elsewhere = found
    locale = desk.pages.locale(request)
    creates = link.purpose is LinkPurpose.INVITATION
    return desk.page(
        request,
        "link.html",
        status_code=error.status if error else 200,
        link=link,
        texts=texts.link(link.purpose, locale, elsewhere=elsewhere),
        agrees=creates,
        must_tick=creates and desk.experience.must_tick_terms(registers=True),
        error=texts.explain(locale, error) if error else None,
    )


async def submit_link(desk: Desk, request: Request) -> Response:
    """Do what the link is for."""
    if await _lacks_agreement(desk, request):
        return await show_link(desk, request, error=Problem.TERMS_NOT_AGREED)
    result = await desk.database.run(_use, desk, request)
    if result is None:
        return _gone(desk, request)
    return desk.signed_in(result) if isinstance(result, Finished) else result


async def _lacks_agreement(desk: Desk, request: Request) -> bool:
    """Tell whether an invitation is accepted, but not the terms the new account comes with."""
    if not desk.experience.must_tick_terms(registers=True) or "agreed" in await desk.form(request):
        return False
    found = await desk.database.run(_load, desk, request)
    return found is not None and found[0].purpose is LinkPurpose.INVITATION


def _load(session: Session, desk: Desk, request: Request) -> tuple[MailedLink, bool] | None:
    """Return the link, and whether it is about what was begun in another browser."""
    link = find_link(session, request.path_params["link_token"])
    if link is None or link.purpose not in _USES:
        return None
    flow = FLOWS.get(session, id=link.flow_id) if link.flow_id else None
    return link, flow is not None and not desk.began(request, flow)


def _use(session: Session, desk: Desk, request: Request) -> Finished | Response | None:
    if _load(session, desk, request) is None:
        return None
    link = use_link(session, request.path_params["link_token"])
    return _USES[link.purpose](session, desk, request, link) if link else None


def _prove(session: Session, desk: Desk, request: Request, link: MailedLink) -> Finished | Response:
    """Do what the code of the same mail would; in another browser, show a code to type."""
    flow = LOCKED_FLOW.first(session, id=link.flow_id)
    if flow is None or flow.finished_at or flow.expires_at <= now():
        return _gone(desk, request)
    if not desk.began(request, flow):
        return _show_code(session, desk, request, flow)
    FLOWS.update(session, {"id": flow.id}, proven_at=now())
    page, result = go_on(session, desk, request, flow)
    if isinstance(result, Problem):
        return refused(desk, request, flow, result)
    if isinstance(result, Finished):
        return result
    return see_other(step(flow, page.go_to or Step.CODE))


def _show_code(session: Session, desk: Desk, request: Request, flow: Flow) -> Response:
    verification_code = desk.proofs.reveal(session, flow.verification_id or "")
    if verification_code is None:
        return _gone(desk, request)
    return desk.page(request, "link_code.html", verification_code=verification_code)


def _undo_address(session: Session, desk: Desk, request: Request, link: MailedLink) -> Response:
    """Give an account its address back, and shut out whoever changed it."""
    user = change_address(session, link.user_id or "", link.email)
    if user is None:
        return see_other(f"{PATHS[FlowKind.SIGN_IN]}?notice=address-taken")
    user.password_hash = None
    end_everything(session, desk.outbox, user.id)
    # Later changes were made by the same hand, and their addresses must not undo this one.
    later = (
        col(MailedLink.user_id) == user.id,
        col(MailedLink.created_at) > link.created_at,
    )
    session.exec(delete(MailedLink).where(*later))
    return see_other(f"{PATHS[FlowKind.FORGOT_PASSWORD]}?notice=address-restored")


def _gone(desk: Desk, request: Request) -> Response:
    title, advice = texts.LINK_GONE, texts.LINK_GONE_ADVICE
    return desk.pages.error(request, title, advice, status_code=410)


_USES: dict[LinkPurpose, Use] = {
    LinkPurpose.UNDO_ADDRESS: _undo_address,
    LinkPurpose.INVITATION: accept_invitation,
    LinkPurpose.PROOF: _prove,
}
