"""Change or set the password of an account."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.passwords import is_weak
from idp.accounts.sessions import SignedIn, end_everything
from idp.accounts.users import set_password
from idp.flows import texts
from idp.flows.account_guard import confirm_page, for_owner
from idp.flows.desk import Desk, client_ip, see_other
from idp.outbox.notices import Notice
from idp.storage.tables import User
from idp.verification import LimitReached
from idp.verification.limits import uncount_attempt


@for_owner
async def show_password_change(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Ask for the new password, and for the one before unless the person signed in just now."""
    if not desk.experience.email.password:
        return see_other("/account")
    if not signed_in.is_proven_recently and not signed_in.user.password_hash:
        return confirm_page(desk, request, signed_in)
    return _page(desk, request, signed_in)


@for_owner
async def submit_password_change(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Refuse a weak password or the same one; otherwise store it and sign out everywhere else."""
    if not desk.experience.email.password:
        return see_other("/account")
    form = await desk.form(request)
    old, new = form.get("password", ""), form.get("new_password", "")
    user = signed_in.user
    if not signed_in.is_proven_recently and not user.password_hash:
        return confirm_page(desk, request, signed_in)
    try:
        is_owner = signed_in.is_proven_recently or await _is_right(desk, request, user, old)
    except LimitReached as limit:
        error = str(texts.explain_limit(desk.pages.locale(request), limit))
        return desk.too_many(_page(desk, request, signed_in, error=error), limit)
    if not is_owner:
        return _page(desk, request, signed_in, error=texts.BAD_PASSWORD)
    if is_weak(new, user.email, desk.settings.product_name):
        return _page(desk, request, signed_in, error=texts.WEAK_PASSWORD)
    if user.password_hash and await desk.passwords.verify(new, user.password_hash):
        return _page(desk, request, signed_in, error=texts.SAME_PASSWORD)
    password_hash = await desk.passwords.hash(new)
    await desk.database.run(_change, desk, request, signed_in, password_hash)
    return see_other("/account?notice=password-saved")


async def _is_right(desk: Desk, request: Request, user: User, password: str) -> bool:
    """Compare the password before, counted like one at sign-in; raises LimitReached."""
    await desk.gate.admit_attempt(client_ip(request))
    attempt_id = await desk.database.run(_count_attempt, desk, request, user.email_key)
    is_right = await desk.passwords.verify(password, user.password_hash)
    if is_right:
        await desk.database.run(uncount_attempt, attempt_id)
    return is_right


def _count_attempt(session: Session, desk: Desk, request: Request, email_key: str) -> str:
    browser = desk.known_browser(session, request, email_key)
    return desk.proofs.count_password(session, email_key, browser=browser).id


def _change(
    session: Session, desk: Desk, request: Request, signed_in: SignedIn, password_hash: str
) -> None:
    set_password(session, signed_in.user.id, password_hash)
    end_everything(session, desk.outbox, signed_in.user.id, but=signed_in.session.id)
    user = session.get_one(User, signed_in.user.id)
    desk.notify(session, request, Notice.PASSWORD_CHANGED, user)


def _page(
    desk: Desk, request: Request, signed_in: SignedIn, *, error: str | None = None
) -> Response:
    locale = desk.pages.locale(request)
    return desk.page(
        request,
        "account_password.html",
        status_code=422 if error else 200,
        user=signed_in.user,
        ask_old=not signed_in.is_proven_recently,
        error=texts.say(locale, error) if error else None,
    )
