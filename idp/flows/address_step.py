"""First step of every flow: an address is given, a code is issued and its mail promised."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.users import address_key, find_user
from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.desk import FLOWS, Desk, Step, client_ip, see_other, step
from idp.flows.proof_link import with_link
from idp.flows.waiting import waiting_application
from idp.flows.ways import closed, must_tick, other_ways
from idp.storage.secrets import fingerprint, new_id
from idp.storage.tables import Flow, FlowKind, now
from idp.verification import CodeRequest, Problem, TooManySends
from idp.web.cookies import browser_cookie

_FLOW_LIFE = timedelta(hours=1)


async def show_address(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Ask for the address."""
    if answer := closed(desk, kind, request):
        return answer
    email = request.query_params.get("login_hint", "")
    return await _page(desk, kind, request, email)


async def submit_address(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Begin the flow and go on to the code."""
    if answer := closed(desk, kind, request):
        return answer
    form = await desk.form(request)
    email = form.get("email", "").strip()
    locale = desk.pages.locale(request)
    try:
        email_key = address_key(email)
    except ValueError:
        error = texts.explain(locale, Problem.INVALID_EMAIL)
        return await _page(desk, kind, request, email, error=error)
    if must_tick(desk.experience, kind) and "agreed" not in form:
        error = texts.explain(locale, Problem.TERMS_NOT_AGREED)
        return await _page(desk, kind, request, email, error=error)
    if refusal := await desk.refusal_of(request, form):
        return await _page(desk, kind, request, email, error=refusal)
    browser = desk.browser(request)
    begun = {
        "id": secrets.token_urlsafe(16),
        "kind": kind,
        "browser": fingerprint(browser),
        "interaction_id": request.query_params.get("interaction"),
        "verification_id": new_id(),
        "email": email,
        "email_key": email_key,
        "locale": locale,
        "remembered": desk.is_remembered(form),
        "expires_at": now() + _FLOW_LIFE,
    }
    try:
        await desk.gate.admit_send(client_ip(request))
        flow = await desk.database.run(_begin, desk, request, begun)
    except TooManySends as limit:
        error = texts.explain_limit(locale, limit)
        return desk.too_many(await _page(desk, kind, request, email, error=error), limit)
    response = see_other(step(flow, Step.CODE))
    browser_cookie(desk.settings).write(response, browser)
    return response


def _begin(session: Session, desk: Desk, request: Request, begun: Mapping[str, Any]) -> Flow:
    application = waiting_application(session, desk, request)
    flow = FLOWS.insert(session, **begun)
    asked = code_request(session, desk, request, flow, application)
    asked = with_link(session, desk, flow, asked)
    desk.proofs.begin(session, asked, verification_id=flow.verification_id)
    return flow


def code_request(
    session: Session,
    desk: Desk,
    request: Request,
    flow: Flow,
    application: Mapping[str, object] | None,
) -> CodeRequest:
    """Say what mail this flow owes its address.

    Whether there is an account shows in the mail alone: its wording tells the owner of the address
    what the code will do, and a forgotten password of nobody is silent.
    """
    user = find_user(session, flow.email_key)
    is_forgotten = flow.kind is FlowKind.FORGOT_PASSWORD
    usage_type = UsageType.SIGN_IN if user else UsageType.REGISTER
    ip = client_ip(request)
    device = request.headers.get("user-agent", "")[:200]
    time = f"{now():%Y-%m-%d %H:%M} UTC"
    return CodeRequest(
        email=flow.email,
        email_key=flow.email_key,
        usage_type=UsageType.FORGOT_PASSWORD if is_forgotten else usage_type,
        locale=flow.locale,
        application=application,
        ip=ip,
        silent=user is None and (is_forgotten or not desk.experience.allows_sign_up),
        browser=desk.known_browser(session, request, flow.email_key),
        variables={"request": {"ip": ip, "device": device, "time": time}},
    )


async def _page(
    desk: Desk,
    kind: FlowKind,
    request: Request,
    email: str,
    *,
    error: texts.Explained | None = None,
) -> Response:
    interaction_id = request.query_params.get("interaction")
    wanted_by = await desk.database.read(waiting_application, desk, request)
    locale = desk.pages.locale(request)
    return desk.checked_form_page(
        request,
        "address.html",
        locale=locale,
        status_code=error.problem.status if error else 200,
        texts=texts.address(kind, locale),
        notice=texts.notice(locale, request.query_params.get("notice")),
        application=wanted_by["name"] if wanted_by else None,
        email=email,
        error=error,
        must_tick=must_tick(desk.experience, kind),
        links=other_ways(desk.experience, kind, interaction_id, locale),
    )
