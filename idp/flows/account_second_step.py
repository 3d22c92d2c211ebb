"""The choice of a code by mail after the password."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.accounts.users import choose_second_step
from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.account_guard import for_proven_owner
from idp.flows.challenges import mail_code, new_challenge, owner
from idp.flows.desk import Desk, see_other
from idp.storage.tables import Challenge
from idp.verification import LimitReached

_DONE = "/account?notice=saved"


@for_proven_owner
async def show_second_step(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Say what it does, and offer the other choice."""
    if not _has_choice(desk, signed_in):
        return see_other("/account")
    return _page(desk, request, signed_in)


@for_proven_owner
async def submit_second_step(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Turn it off, or mail the code that turns it on: mails to that address must arrive."""
    if not _has_choice(desk, signed_in):
        return see_other("/account")
    if signed_in.user.second_step_by_mail:
        await desk.database.run(choose_second_step, signed_in.user.id, wanted=False)
        return see_other(_DONE)
    session_id = signed_in.session.id
    usage_type = UsageType.BIND_MFA
    challenge = new_challenge(signed_in.user, usage_type, location=_DONE, session_id=session_id)
    try:
        return await mail_code(desk, request, challenge)
    except LimitReached as limit:
        error = texts.explain_limit(desk.pages.locale(request), limit)
        return desk.too_many(_page(desk, request, signed_in, error=error), limit)


def finish_binding(
    session: Session, desk: Desk, request: Request, challenge: Challenge
) -> str | None:
    """Ask for a code after the password from now on."""
    signed_in = owner(session, desk, request, challenge)
    # The address may have changed since; then the code proved somebody else's mailbox.
    if signed_in is None or signed_in.user.email_key != challenge.email_key:
        return None
    choose_second_step(session, signed_in.user.id, wanted=True)
    return challenge.location


def _has_choice(desk: Desk, signed_in: SignedIn) -> bool:
    """Tell whether there is a first step to come second to, and the second is not a duty."""
    experience = desk.experience
    is_offered = experience.offers_second_step and not experience.demands_second_step
    return is_offered and signed_in.user.password_hash is not None


def _page(
    desk: Desk, request: Request, signed_in: SignedIn, *, error: texts.Explained | None = None
) -> Response:
    return desk.page(request, "account_second_step.html", user=signed_in.user, error=error)
