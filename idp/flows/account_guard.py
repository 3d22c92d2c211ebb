"""Who may see the pages of an account, and who must prove again who they are."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.connector_kit import UsageType
from idp.flows import texts
from idp.flows.challenges import mail_code, new_challenge
from idp.flows.desk import PATHS, Desk, see_other
from idp.storage.tables import FlowKind
from idp.verification import LimitReached

OwnerPage = Callable[[Desk, Request, SignedIn], Awaitable[Response]]
Page = Callable[[Desk, Request], Awaitable[Response]]
GUARDED = frozenset(
    {"/account/address", "/account/password", "/account/second-step", "/account/delete"}
)
"""Pages a fresh proof opens."""


def for_owner(page: OwnerPage) -> Page:
    """Show a page to who is signed in; anybody else is asked to sign in."""

    async def guarded(desk: Desk, request: Request) -> Response:
        signed_in = await desk.database.run(desk.signed_in_person, request)
        if signed_in is None:
            return see_other(PATHS[FlowKind.SIGN_IN])
        return await page(desk, request, signed_in)

    return guarded


def for_proven_owner(page: OwnerPage) -> Page:
    """Show a page to who has signed in, or proven who they are, just now (OWASP ASVS 5.0 §7.5.1).

    A browser left open must not be enough to take an account over.
    """

    @for_owner
    async def guarded(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
        if not signed_in.is_proven_recently:
            return confirm_page(desk, request, signed_in)
        return await page(desk, request, signed_in)

    return guarded


def confirm_page(
    desk: Desk, request: Request, signed_in: SignedIn, *, error: texts.Explained | None = None
) -> Response:
    """Offer a code by mail before the page that was asked for."""
    wanted = request.query_params.get("next", request.url.path)
    return desk.page(
        request,
        "account_confirm.html",
        user=signed_in.user,
        wanted=wanted if wanted in GUARDED else "/account/address",
        error=error,
    )


@for_owner
async def show_confirm_owner(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    return confirm_page(desk, request, signed_in)


@for_owner
async def submit_confirm_owner(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Mail a code to the address of the account."""
    form = await desk.form(request)
    wanted = form.get("next", "")
    location = wanted if wanted in GUARDED else "/account"
    usage_type = UsageType.USER_PERMISSION_VALIDATION
    session_id = signed_in.session.id
    challenge = new_challenge(signed_in.user, usage_type, location=location, session_id=session_id)
    try:
        return await mail_code(desk, request, challenge)
    except LimitReached as limit:
        error = texts.explain_limit(desk.pages.locale(request), limit)
        return desk.too_many(confirm_page(desk, request, signed_in, error=error), limit)
