"""The page of a challenge: its code is typed, or another one asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.account_address import finish_address
from idp.flows.account_second_step import finish_binding
from idp.flows.challenges import code_request, load_challenge, owner, path, renew_proof
from idp.flows.code_step import explained
from idp.flows.desk import Desk, Finished, client_ip, see_other
from idp.flows.inboxes import inbox_of
from idp.flows.second_step import finish_second_step
from idp.storage.tables import Challenge, Verification, now
from idp.verification import Checked, LimitReached, Problem

Finish = Callable[[Session, Desk, Request, Challenge], Finished | str | None]
"""Does what the code was asked for; returns where to go, or None if it may no longer be done."""


@dataclass(frozen=True)
class ChallengePage:
    """What the page is drawn from."""

    challenge: Challenge
    wait: int = 0
    tries_left: int | None = None


async def show_challenge(desk: Desk, request: Request) -> Response:
    """Ask for the code."""
    page = await desk.database.run(_load, desk, request)
    if page is None:
        return _gone(desk, request)
    if page.challenge.finished_at:
        return see_other(page.challenge.location)
    exhausted = texts.explain(page.challenge.locale, Problem.CODE_EXHAUSTED)
    error = exhausted if page.tries_left == 0 else None
    notice = texts.CODE_SENT if "sent" in request.query_params else None
    return _page(desk, request, page, error=error, notice=notice)


async def submit_challenge(desk: Desk, request: Request) -> Response:
    """Check the code; when it is right, do what it was asked for."""
    form = await desk.form(request)
    typed = form.get("verification_code", "")
    try:
        result = await desk.database.run(_check, desk, request, typed)
    except LimitReached as limit:
        return await _must_wait(desk, request, limit)
    except IntegrityError:  # another account got the address at this very moment
        result = await desk.database.run(_check, desk, request, typed)
    if result is None:
        return _gone(desk, request)
    if isinstance(result, Finished):
        return desk.signed_in(result)
    if isinstance(result, str):
        return see_other(result)
    page, checked = result
    error = explained(desk, page.challenge.locale, checked, page.tries_left)
    return _page(desk, request, page, error=error)


async def submit_challenge_resend(desk: Desk, request: Request) -> Response:
    """Send another code, unless the last one is too fresh or the limits are used up."""
    try:
        await desk.gate.admit_send(client_ip(request))
        challenge = await desk.database.run(_resend, desk, request)
    except LimitReached as limit:
        return await _must_wait(desk, request, limit)
    except LookupError:
        return _gone(desk, request)
    return see_other(path(challenge) + "?sent")


def _load(session: Session, desk: Desk, request: Request) -> ChallengePage | None:
    challenge = load_challenge(session, desk, request)
    return _drawn_from(session, desk, challenge) if challenge else None


def _drawn_from(session: Session, desk: Desk, challenge: Challenge) -> ChallengePage:
    verification = session.get(Verification, challenge.verification_id)
    if verification is None:
        return ChallengePage(challenge)
    wait = desk.proofs.limits.resend_in(verification, now())
    return ChallengePage(challenge, wait, desk.proofs.tries_left(verification))


def _check(
    session: Session, desk: Desk, request: Request, typed: str
) -> tuple[ChallengePage, Checked] | Finished | str | None:
    challenge = load_challenge(session, desk, request)
    if challenge is None:
        return None
    if challenge.finished_at:
        return challenge.location
    browser = desk.known_browser(session, request, challenge.email_key)
    checked = desk.proofs.check(session, challenge.verification_id, typed, browser=browser)
    if checked is not Checked.PROVEN:
        return _drawn_from(session, desk, challenge), checked
    challenge.finished_at = now()
    return _FINISH[UsageType(challenge.usage_type)](session, desk, request, challenge)


def _resend(session: Session, desk: Desk, request: Request) -> Challenge:
    challenge = load_challenge(session, desk, request)
    if challenge is None or challenge.finished_at:
        raise LookupError("there is no such challenge")
    asked = code_request(session, desk, request, challenge)
    desk.proofs.resend(session, challenge.verification_id, asked)
    return challenge


def _finish_permission(
    session: Session, desk: Desk, request: Request, challenge: Challenge
) -> str | None:
    signed_in = owner(session, desk, request, challenge)
    if signed_in is None:
        return None
    renew_proof(session, signed_in)
    return challenge.location


_FINISH: dict[UsageType, Finish] = {
    UsageType.USER_PERMISSION_VALIDATION: _finish_permission,
    UsageType.BIND_NEW_IDENTIFIER: finish_address,
    UsageType.BIND_MFA: finish_binding,
    UsageType.MFA_VERIFICATION: finish_second_step,
}


async def _must_wait(desk: Desk, request: Request, limit: LimitReached) -> Response:
    page = await desk.database.run(_load, desk, request)
    if page is None:
        return _gone(desk, request)
    error = texts.explain_limit(page.challenge.locale, limit)
    return desk.too_many(_page(desk, request, page, error=error), limit)


def _gone(desk: Desk, request: Request) -> Response:
    title, advice = texts.START_OVER, texts.START_OVER_ADVICE
    return desk.pages.error(request, title, advice, status_code=410)


def _page(
    desk: Desk,
    request: Request,
    page: ChallengePage,
    *,
    error: texts.Explained | None = None,
    notice: str | None = None,
) -> Response:
    challenge = page.challenge
    is_second_step = challenge.usage_type == UsageType.MFA_VERIFICATION
    return desk.page(
        request,
        "challenge.html",
        status_code=error.problem.status if error else 200,
        locale=challenge.locale,
        flow=challenge,
        wait=page.wait,
        error=error,
        notice=texts.say(challenge.locale, notice) if notice else None,
        exhausted=page.tries_left == 0,
        action=path(challenge),
        resend=path(challenge, "/resend"),
        start="/sign-in/password" if is_second_step else "/account",
        inbox=inbox_of(challenge.email_key),
        minutes=desk.proofs.lifetime(UsageType(challenge.usage_type)),
        links=[],
    )
