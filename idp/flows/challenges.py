"""Challenges: codes somebody with an account must type before they get on."""

import secrets
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, update
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.accounts.users import address_key
from idp.connector_kit import UsageType
from idp.flows.desk import Desk, client_ip, see_other
from idp.flows.notices import Origin
from idp.storage.secrets import fingerprint
from idp.storage.tables import BrowserSession, Challenge, User, now
from idp.verification import CodeRequest
from idp.web.cookies import browser_cookie

_LIFE = timedelta(hours=1)


def new_challenge(user: User, usage_type: UsageType, *, location: str, **fields: Any) -> Challenge:
    """Describe a code to type before going on to `location`.

    It goes to the person's address, unless `fields` say another `email`; raises ValueError unless
    that is one address.
    """
    fields.setdefault("email", user.email)
    return Challenge(
        id=secrets.token_urlsafe(16),
        usage_type=usage_type,
        user_id=user.id,
        email_key=address_key(fields["email"]),
        location=location,
        expires_at=now() + _LIFE,
        **fields,
    )


async def mail_code(desk: Desk, request: Request, challenge: Challenge) -> Response:
    """Mail the code of a challenge and lead this browser, and no other, to where it is typed.

    Raises LimitReached.
    """
    browser = desk.browser(request)
    challenge.browser = fingerprint(browser)
    challenge.locale = desk.pages.locale(request)
    await desk.gate.admit_send(client_ip(request))
    await desk.database.run(_issue, desk, request, challenge.model_dump())
    response = see_other(path(challenge))
    browser_cookie(desk.settings).write(response, browser)
    return response


def _issue(session: Session, desk: Desk, request: Request, described: dict[str, Any]) -> None:
    challenge = Challenge(**described)
    asked = code_request(session, desk, request, challenge)
    challenge.verification_id = desk.proofs.begin(session, asked).id
    session.add(challenge)


def code_request(
    session: Session, desk: Desk, request: Request, challenge: Challenge
) -> CodeRequest:
    """Say what mail a challenge owes its address."""
    origin = Origin.of(request)
    return CodeRequest(
        email=challenge.email,
        email_key=challenge.email_key,
        usage_type=UsageType(challenge.usage_type),
        locale=challenge.locale,
        ip=origin.ip,
        browser=desk.known_browser(session, request, challenge.email_key),
        variables={"request": origin.variables},
    )


def load_challenge(session: Session, desk: Desk, request: Request) -> Challenge | None:
    """Return the challenge of this page to the very browser it was issued in."""
    found = session.get(Challenge, request.path_params["challenge"], with_for_update=True)
    browser = browser_cookie(desk.settings).read(request)
    if found is None or browser is None or found.browser != fingerprint(browser):
        return None
    return found if found.expires_at > now() else None


def owner(session: Session, desk: Desk, request: Request, challenge: Challenge) -> SignedIn | None:
    """Return who is signed in, if a challenge belongs to this very session."""
    signed_in = desk.signed_in_person(session, request)
    is_own = signed_in is not None and signed_in.session.id == challenge.session_id
    return signed_in if is_own else None


def renew_proof(session: Session, signed_in: SignedIn) -> None:
    """Note that the person has just proven again who they are."""
    this = col(BrowserSession.id) == signed_in.session.id
    session.exec(update(BrowserSession).where(this).values(proven_at=now()))


def path(challenge: Challenge, step: str = "") -> str:
    """Return the address of the page that asks for the code."""
    return f"/challenges/{challenge.id}{step}"
