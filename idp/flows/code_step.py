"""Second step of every flow: the mailed code is typed, or another one asked for."""

from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.users import find_user
from idp.flows import texts
from idp.flows.address_step import code_request
from idp.flows.desk import Desk, Finished, Step, password_page, see_other, start, step, too_many
from idp.flows.inboxes import inbox_of
from idp.flows.mail_progress import mail_progress
from idp.outbox.progress import Progress
from idp.storage.tables import Flow, FlowKind, Verification, now
from idp.verification import Checked, TooManySends


@dataclass(frozen=True)
class CodePage:
    """What the page that asks for the code is drawn from; `go_to` is set once it is not needed."""

    flow: Flow
    wait: int = 0
    tries_left: int | None = None
    go_to: Step | None = None
    mail: Progress = Progress.QUEUED

    @property
    def is_exhausted(self) -> bool:
        """Tell whether no further code would be compared."""
        return self.tries_left == 0


async def show_code(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Ask for the code."""
    page = await desk.database.run(_load, desk, kind, request)
    if page is None:
        return await desk.start_over(request)
    if page.go_to:
        return see_other(step(page.flow, page.go_to))
    notice = texts.CODE_SENT if "sent" in request.query_params else None
    error = texts.CODE_EXHAUSTED if page.is_exhausted else None
    said = error and texts.say(page.flow.locale, error)
    return _page(desk, request, page, error=said, notice=notice)


async def submit_code(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Check the code; when it is right, the address is proven and the flow goes on."""
    form = await request.form()
    typed = str(form.get("verification_code", ""))
    answer = await desk.database.run(_check, desk, kind, request, typed)
    if answer is None:
        return await desk.start_over(request)
    page, result = answer
    if isinstance(result, Finished):
        return desk.signed_in(result)
    if page.go_to:
        return see_other(step(page.flow, page.go_to))
    error = _problem(desk, page, result)
    return _page(desk, request, page, error=error)


async def submit_resend(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Send another code, unless the last one is too fresh or the limits are used up."""
    page = await desk.database.run(_load, desk, kind, request)
    if page is None:
        return await desk.start_over(request)
    if page.is_exhausted:
        return see_other(step(page.flow, Step.CODE))
    try:
        await desk.database.run(_resend, desk, page.flow, request)
    except LookupError:
        return see_other(start(kind, page.flow.interaction_id))
    except TooManySends as limit:
        error = texts.too_many_codes(page.flow.locale, limit.retry_after)
        return too_many(_page(desk, request, page, error=error), limit.retry_after)
    return see_other(step(page.flow, Step.CODE) + "?sent")


def _load(session: Session, desk: Desk, kind: FlowKind, request: Request) -> CodePage | None:
    flow = desk.load_flow(session, request, kind)
    if flow is None:
        return None
    if flow.proven_at:
        return CodePage(flow, go_to=desk.next_step(flow, find_user(session, flow.email_key)))
    return _drawn_from(session, desk, flow)


def _drawn_from(session: Session, desk: Desk, flow: Flow) -> CodePage:
    verification = session.get(Verification, flow.verification_id)
    if verification is None:
        return CodePage(flow)
    wait = desk.proofs.limits.resend_in(verification, now())
    mail = mail_progress(session, flow, verification)
    return CodePage(flow, wait, desk.proofs.tries_left(verification), mail=mail)


def _check(
    session: Session, desk: Desk, kind: FlowKind, request: Request, typed: str
) -> tuple[CodePage, Checked | Finished] | None:
    flow = desk.load_flow(session, request, kind)
    if flow is None:
        return None
    if flow.proven_at is None:
        checked = desk.proofs.check(session, flow.verification_id or "", typed)
        if checked is not Checked.PROVEN:
            return _drawn_from(session, desk, flow), checked
        flow.proven_at = now()
    go_to = desk.next_step(flow, find_user(session, flow.email_key))
    if go_to is Step.DONE:
        return CodePage(flow), desk.finish(session, request, flow)
    return CodePage(flow, go_to=go_to), Checked.PROVEN


def _resend(session: Session, desk: Desk, flow: Flow, request: Request) -> None:
    user = find_user(session, flow.email_key)
    asked = code_request(session, flow, user, request)
    desk.proofs.resend(session, flow.verification_id or "", asked)


def _problem(desk: Desk, page: CodePage, checked: Checked) -> str:
    msgid = {
        Checked.MALFORMED: texts.CODE_MALFORMED,
        Checked.WRONG: texts.CODE_WRONG,
        Checked.EXPIRED: texts.CODE_EXPIRED,
        Checked.EXHAUSTED: texts.CODE_EXHAUSTED,
    }[checked]
    length = desk.settings.verification_code_length
    return texts.say(page.flow.locale, msgid) % {"length": length, "left": page.tries_left}


def _page(
    desk: Desk,
    request: Request,
    page: CodePage,
    *,
    error: str | None = None,
    notice: str | None = None,
) -> Response:
    flow = page.flow
    locale = flow.locale
    password = password_page(None, flow=flow.id)
    return desk.page(
        request,
        "code.html",
        status_code=422 if error else 200,
        locale=locale,
        flow=flow,
        wait=page.wait,
        error=error,
        notice=texts.say(locale, notice) if notice else None,
        mail=texts.mail(locale, page.mail),
        mail_progress=step(flow, Step.MAIL),
        exhausted=page.is_exhausted,
        start=start(flow.kind, flow.interaction_id),
        action=step(flow, Step.CODE),
        resend=step(flow, Step.RESEND),
        inbox=inbox_of(flow.email_key),
        links=[(texts.say(locale, texts.USE_PASSWORD), password)]
        if flow.kind is FlowKind.SIGN_IN
        else [],
    )
