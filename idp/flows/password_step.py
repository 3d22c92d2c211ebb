"""Sign in with address and password, for those who have one."""

from dataclasses import dataclass, replace

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.passwords import TooManyPasswords
from idp.accounts.users import address_key, find_user, set_password
from idp.flows import texts
from idp.flows.desk import Desk, Finished, SignIn, authorization, client_ip
from idp.flows.second_step import enter_with_password
from idp.flows.waiting import waiting_application
from idp.flows.ways import closed_password, must_tick, ways_past_password
from idp.storage.secrets import fingerprint
from idp.storage.tables import Flow, FlowKind, User
from idp.verification import Problem, TooManyAttempts, TooManySends
from idp.verification.limits import uncount_attempt


async def show_password(desk: Desk, request: Request) -> Response:
    """Ask for both; a person who already gave the address finds it filled in."""
    if answer := closed_password(desk, request):
        return answer
    flow = await desk.database.read(_flow, desk, request)
    email = flow.email if flow else request.query_params.get("login_hint", "")
    return _page(desk, request, _interaction_id(request, flow), email=email)


async def submit_password(desk: Desk, request: Request) -> Response:
    """Compare; an unknown address takes as long as a wrong password."""
    if answer := closed_password(desk, request):
        return answer
    form = await desk.form(request)
    email, password = form.get("email", "").strip(), form.get("password", "")
    flow = await desk.database.read(_flow, desk, request)
    interaction_id = _interaction_id(request, flow)
    if must_tick(desk.experience, FlowKind.SIGN_IN) and "agreed" not in form:
        error = texts.explain(desk.pages.locale(request), Problem.TERMS_NOT_AGREED)
        return _page(desk, request, interaction_id, email=email, error=error)
    if refusal := await desk.refusal_of(request, form):
        return _page(desk, request, interaction_id, email=email, error=refusal)
    try:
        await desk.gate.admit_attempt(client_ip(request))
        location = authorization(interaction_id)
        attempt = await desk.database.run(_begin_attempt, desk, request, email, location)
    except TooManyAttempts as limit:
        error = texts.explain_limit(desk.pages.locale(request), limit)
        return desk.too_many(_page(desk, request, interaction_id, email=email, error=error), limit)
    attempt = replace(attempt, remembered=desk.is_remembered(form))
    try:
        result = await _compare(desk, request, attempt, password)
    except TooManySends as limit:
        error = texts.explain_limit(desk.pages.locale(request), limit)
        return desk.too_many(_page(desk, request, interaction_id, email=email, error=error), limit)
    if result is None:
        error = texts.explain(desk.pages.locale(request), Problem.INVALID_CREDENTIALS)
        return _page(desk, request, interaction_id, email=email, error=error)
    return desk.signed_in(result) if isinstance(result, Finished) else result


@dataclass(frozen=True)
class _Attempt:
    """A password about to be compared, counted as wrong until it proves right."""

    id: str
    user: User | None
    location: str
    remembered: bool = True


def _begin_attempt(
    session: Session, desk: Desk, request: Request, email: str, location: str
) -> _Attempt:
    try:
        email_key = address_key(email)
    except ValueError:
        email_key = fingerprint(email)  # nobody's, but it counts and costs the same
    browser = desk.known_browser(session, request, email_key)
    counted = desk.proofs.count_password(session, email_key, browser=browser)
    return _Attempt(counted.id, find_user(session, email_key), location)


async def _compare(
    desk: Desk, request: Request, attempt: _Attempt, password: str
) -> Finished | Response | None:
    user = attempt.user
    stored = user.password_hash if user else None
    try:
        is_right, newer_hash = await desk.passwords.verify_and_update(password, stored)
    except TooManyPasswords:
        await desk.database.run(uncount_attempt, attempt.id)
        raise
    if user is None or not is_right or user.suspended_at:
        return None
    await desk.database.run(_succeed, attempt.id, user.id, newer_hash)
    sign_in = SignIn(user.id, ["pwd"], attempt.location, attempt.remembered)
    return await enter_with_password(desk, request, user, sign_in)


def _succeed(session: Session, attempt_id: str, user_id: str, newer_hash: str | None) -> None:
    uncount_attempt(session, attempt_id)
    if newer_hash:
        set_password(session, user_id, newer_hash)


def _flow(session: Session, desk: Desk, request: Request) -> Flow | None:
    waiting_application(session, desk, request)
    flow_id = request.query_params.get("flow")
    return desk.load_flow(session, request, FlowKind.SIGN_IN, flow_id) if flow_id else None


def _interaction_id(request: Request, flow: Flow | None) -> str | None:
    return flow.interaction_id if flow else request.query_params.get("interaction")


def _page(
    desk: Desk,
    request: Request,
    interaction_id: str | None,
    *,
    email: str,
    error: texts.Explained | None = None,
) -> Response:
    locale = desk.pages.locale(request)
    return desk.checked_form_page(
        request,
        "sign_in_password.html",
        status_code=error.problem.status if error else 200,
        locale=locale,
        email=email,
        notice=texts.notice(locale, request.query_params.get("notice")),
        error=error,
        must_tick=must_tick(desk.experience, FlowKind.SIGN_IN),
        links=ways_past_password(desk.experience, interaction_id, locale),
    )
