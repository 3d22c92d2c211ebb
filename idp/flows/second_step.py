"""After a password, a code by mail, where the person or the deployment wants one."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.connector_kit import UsageType
from idp.flows.challenges import mail_code, new_challenge
from idp.flows.desk import Desk, Finished, SignIn
from idp.storage.tables import Challenge, User


async def enter_with_password(
    desk: Desk, request: Request, user: User, sign_in: SignIn
) -> Finished | Response:
    """Sign in a person whose password was right, or lead to the second step.

    Raises LimitReached. Who signs in with a mailed code is not asked for a second one: it would
    prove the same mailbox twice.
    """
    experience = desk.experience
    is_wanted = user.second_step_by_mail and experience.offers_second_step
    if not (is_wanted or experience.demands_second_step):
        return await desk.database.run(desk.sign_in, request, sign_in)
    challenge = new_challenge(
        user,
        UsageType.MFA_VERIFICATION,
        location=sign_in.location,
        amr=sign_in.amr,
        remembered=sign_in.remembered,
    )
    return await mail_code(desk, request, challenge)


def finish_second_step(
    session: Session, desk: Desk, request: Request, challenge: Challenge
) -> Finished | None:
    """Sign the person in; RFC 8176 calls what they did `mfa` besides its parts."""
    user = session.get_one(User, challenge.user_id)
    # The address may have changed since; then the code proved somebody else's mailbox.
    if user.suspended_at or user.email_key != challenge.email_key:
        return None
    amr = [*challenge.amr, "otp", "mfa"]
    return desk.sign_in(
        session, request, SignIn(user.id, amr, challenge.location, challenge.remembered)
    )
