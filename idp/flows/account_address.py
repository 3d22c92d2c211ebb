"""Change the address of an account: the new one is proven, the old one is told."""

from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.links import issue_link
from idp.accounts.sessions import SignedIn
from idp.accounts.users import address_key, change_address
from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.account_guard import for_proven_owner
from idp.flows.challenges import mail_code, new_challenge, owner
from idp.flows.desk import Desk
from idp.outbox.notices import Notice
from idp.storage.tables import Challenge, LinkPurpose
from idp.verification import LimitReached, Problem

_UNDO_WITHIN = timedelta(days=7)


@for_proven_owner
async def show_address_change(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Ask for the new address."""
    return _page(desk, request, signed_in, "")


@for_proven_owner
async def submit_address_change(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Mail a code to the new address; whether it has an account shows only after the code."""
    form = await desk.form(request)
    email = form.get("email", "").strip()
    locale = desk.pages.locale(request)
    if problem := _problem_with(desk, signed_in, email):
        return _page(desk, request, signed_in, email, error=texts.explain(locale, problem))
    try:
        return await mail_code(desk, request, _challenge(signed_in, email))
    except LimitReached as limit:
        error = texts.explain_limit(locale, limit)
        return desk.too_many(_page(desk, request, signed_in, email, error=error), limit)


def _challenge(signed_in: SignedIn, email: str) -> Challenge:
    return new_challenge(
        signed_in.user,
        UsageType.BIND_NEW_IDENTIFIER,
        location="/account?notice=address-changed",
        email=email,
        session_id=signed_in.session.id,
    )


def _problem_with(desk: Desk, signed_in: SignedIn, email: str) -> Problem | None:
    try:
        email_key = address_key(email)
    except ValueError:
        return Problem.INVALID_EMAIL
    is_the_same = email_key == signed_in.user.email_key
    return Problem.INVALID_EMAIL if is_the_same else desk.gate.addresses.problem_with(email_key)


def finish_address(
    session: Session, desk: Desk, request: Request, challenge: Challenge
) -> str | None:
    """Give the account its new address and tell the old one how to undo that."""
    signed_in = owner(session, desk, request, challenge)
    if signed_in is None:
        return None
    before = signed_in.user.email
    user = change_address(session, signed_in.user.id, challenge.email)
    if user is None:
        challenge.location = "/account?notice=address-taken"
        return challenge.location
    whose = {"email": before, "user_id": user.id}
    link = issue_link(session, desk.settings, LinkPurpose.UNDO_ADDRESS, _UNDO_WITHIN, **whose)
    desk.notify(session, request, Notice.ADDRESS_CHANGED, user, to=before, link=link)
    return challenge.location


def _page(
    desk: Desk,
    request: Request,
    signed_in: SignedIn,
    email: str,
    *,
    error: texts.Explained | None = None,
) -> Response:
    return desk.page(
        request,
        "account_address.html",
        status_code=error.problem.status if error else 200,
        user=signed_in.user,
        email=email,
        error=error,
    )
