"""Second step of every flow: the mailed code is typed, or another one asked for."""

from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.users import find_user
from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.address_step import code_request
from idp.flows.desk import (
    FLOWS,
    Desk,
    Finished,
    Step,
    application,
    client_ip,
    end_flow,
    password_page,
    see_other,
    start,
    step,
)
from idp.flows.inboxes import inbox_of
from idp.flows.mail_progress import VERIFICATIONS, load_with_codes, mail_progress
from idp.flows.proof_link import with_link
from idp.outbox.progress import Progress
from idp.storage.tables import Flow, FlowKind, User, Verification, now
from idp.verification import Checked, Problem, TooManyAttempts, TooManySends


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
    page = await desk.database.read(_load, desk, kind, request)
    if page is None:
        return await desk.start_over(request)
    if page.go_to:
        return see_other(step(page.flow, page.go_to))
    notice = texts.CODE_SENT if "sent" in request.query_params else None
    exhausted = texts.explain(page.flow.locale, Problem.CODE_EXHAUSTED)
    error = exhausted if page.is_exhausted else None
    return _page(desk, request, page, error=error, notice=notice)


async def submit_code(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Check the code; when it is right, the address is proven and the flow goes on."""
    form = await request.form()
    typed = str(form.get("verification_code", ""))
    try:
        answer = await desk.database.run(_check, desk, kind, request, typed)
    except TooManyAttempts as limit:
        return await _wait(desk, kind, request, limit)
    if answer is None:
        return await desk.start_over(request)
    page, result = answer
    if isinstance(result, Finished):
        return desk.signed_in(result)
    if page.go_to:
        return see_other(step(page.flow, page.go_to))
    if isinstance(result, Problem):
        return refused(desk, request, page.flow, result)
    return _page(
        desk, request, page, error=explained(desk, page.flow.locale, result, page.tries_left)
    )


async def submit_resend(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Send another code, unless the last one is too fresh or the limits are used up."""
    page = await desk.database.read(_load, desk, kind, request)
    if page is None:
        return await desk.start_over(request)
    if page.is_exhausted:
        return see_other(step(page.flow, Step.CODE))
    try:
        if not page.wait:  # who is too early costs their network nothing
            await desk.gate.admit_send(client_ip(request))
        await desk.database.run(_resend, desk, page.flow, request)
    except LookupError:
        return see_other(start(kind, page.flow.interaction_id))
    except TooManySends as limit:
        error = texts.explain_limit(page.flow.locale, limit)
        return desk.too_many(_page(desk, request, page, error=error), limit)
    return see_other(step(page.flow, Step.CODE) + "?sent")


def _load(session: Session, desk: Desk, kind: FlowKind, request: Request) -> CodePage | None:
    found = load_with_codes(session, desk, kind, request)
    if found is None:
        return None
    flow, verification = found
    if flow.proven_at:
        return CodePage(flow, go_to=desk.next_step(flow, find_user(session, flow.email_key)))
    return _drawn_from(session, desk, flow, verification)


def _drawn_from(
    session: Session, desk: Desk, flow: Flow, verification: Verification | None
) -> CodePage:
    if verification is None:
        return CodePage(flow)
    wait = desk.proofs.limits.resend_in(verification, now())
    mail = mail_progress(session, flow, verification)
    return CodePage(flow, wait, desk.proofs.tries_left(verification), mail=mail)


def _check(
    session: Session, desk: Desk, kind: FlowKind, request: Request, typed: str
) -> tuple[CodePage, Checked | Finished | Problem] | None:
    flow = desk.lock_flow(session, request, kind)
    if flow is None:
        return None
    if flow.proven_at is None:
        browser = desk.known_browser(session, request, flow.email_key)
        checked = desk.proofs.check(session, flow.verification_id or "", typed, browser=browser)
        if checked is not Checked.PROVEN:
            verification = VERIFICATIONS.get(session, id=flow.verification_id)
            return _drawn_from(session, desk, flow, verification), checked
        FLOWS.update(session, {"id": flow.id}, proven_at=now())
    return go_on(session, desk, request, flow)


def go_on(
    session: Session, desk: Desk, request: Request, flow: Flow
) -> tuple[CodePage, Checked | Finished | Problem]:
    """Say where a flow goes once its address is proven, which may be its end."""
    user = find_user(session, flow.email_key)
    if problem := _problem_with(desk, flow, user):
        end_flow(session, flow)
        return CodePage(flow), problem
    go_to = desk.next_step(flow, user)
    if go_to is Step.DONE:
        return CodePage(flow), desk.finish(session, request, flow, user)
    return CodePage(flow, go_to=go_to), Checked.PROVEN


def _resend(session: Session, desk: Desk, flow: Flow, request: Request) -> None:
    wanted_by = application(session, flow.interaction_id)
    asked = code_request(session, desk, request, flow, wanted_by)
    asked = with_link(session, desk, flow, asked)
    desk.proofs.resend(session, flow.verification_id or "", asked)


def _problem_with(desk: Desk, flow: Flow, user: User | None) -> Problem | None:
    """Say what only the owner of an address may learn: there is no way in for it."""
    if user is not None:
        if not (desk.experience.allows_sign_in or flow.kind is FlowKind.FORGOT_PASSWORD):
            return Problem.SIGN_IN_CLOSED
        return Problem.USER_SUSPENDED if user.suspended_at else None
    if not desk.experience.allows_sign_up:
        return Problem.USER_NOT_FOUND
    return desk.gate.addresses.problem_with(flow.email_key)


def _usage_type(kind: FlowKind) -> UsageType:
    """Return what the code is for, as far as the person may know."""
    is_forgotten = kind is FlowKind.FORGOT_PASSWORD
    return UsageType.FORGOT_PASSWORD if is_forgotten else UsageType.SIGN_IN


def explained(desk: Desk, locale: str, checked: Checked, tries_left: int | None) -> texts.Explained:
    """Say what is wrong with a typed code."""
    problem = {
        Checked.MALFORMED: Problem.INVALID_CODE,
        Checked.WRONG: Problem.CODE_MISMATCH,
        Checked.EXPIRED: Problem.CODE_EXPIRED,
        Checked.EXHAUSTED: Problem.CODE_EXHAUSTED,
    }[checked]
    values = {"length": desk.settings.verification_code_length, "left": tries_left}
    return texts.explain(locale, problem, **values)


async def _wait(desk: Desk, kind: FlowKind, request: Request, limit: TooManyAttempts) -> Response:
    page = await desk.database.read(_load, desk, kind, request)
    if page is None:
        return await desk.start_over(request)
    error = texts.explain_limit(page.flow.locale, limit)
    return desk.too_many(_page(desk, request, page, error=error), limit)


def refused(desk: Desk, request: Request, flow: Flow, problem: Problem) -> Response:
    """Tell the owner of an address that there is no way in for it."""
    return desk.page(
        request,
        "refused.html",
        status_code=problem.status,
        locale=flow.locale,
        flow=flow,
        error=texts.explain(flow.locale, problem),
        start=start(flow.kind, flow.interaction_id),
    )


def _page(
    desk: Desk,
    request: Request,
    page: CodePage,
    *,
    error: texts.Explained | None = None,
    notice: str | None = None,
) -> Response:
    flow = page.flow
    locale = flow.locale
    password = password_page(None, flow=flow.id)
    return desk.page(
        request,
        "code.html",
        status_code=error.problem.status if error else 200,
        locale=locale,
        flow=flow,
        minutes=desk.proofs.lifetime(_usage_type(flow.kind)),
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
        if flow.kind is FlowKind.SIGN_IN and desk.experience.email.password
        else [],
    )
