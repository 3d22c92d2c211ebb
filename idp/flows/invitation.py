"""The acceptance of an invitation."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.users import address_key, create_user, find_user
from idp.flows.desk import Desk, Finished, SignIn, see_other, start
from idp.storage.tables import FlowKind, MailedLink


def accept_invitation(
    session: Session, desk: Desk, request: Request, link: MailedLink
) -> Finished | Response:
    """Create the account and sign in; who has one signs in as always.

    The link came by mail, so it proves the address; it is bound to no browser, so it does not
    open an account that was there before.
    """
    if find_user(session, address_key(link.email)):
        return see_other(start(FlowKind.SIGN_IN, None, login_hint=link.email))
    user = create_user(session, link.email, locale=desk.pages.locale(request))
    location = "/account/password" if desk.experience.sign_up.password else "/account"
    sign_in = SignIn(user.id, ["otp"], location, desk.is_remembered({}))
    return desk.sign_in(session, request, sign_in)
