"""Name and language of a person: what userinfo tells applications (OIDC Core §5.1)."""

from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn
from idp.accounts.users import NAME_CLAIMS, change_profile
from idp.flows.account_guard import for_owner
from idp.flows.desk import Desk, see_other
from idp.web.cookies import language_cookie
from idp.web.i18n import LANGUAGES

_LONGEST = 200  # characters of a name


@for_owner
async def show_profile(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Show what can be changed."""
    return desk.page(
        request,
        "account_profile.html",
        claims={claim: str(signed_in.user.claims.get(claim, "")) for claim in NAME_CLAIMS},
        chosen=signed_in.user.locale or desk.pages.locale(request),
    )


@for_owner
async def submit_profile(desk: Desk, request: Request, signed_in: SignedIn) -> Response:
    """Save it; the pages speak the chosen language from now on."""
    form = await desk.form(request)
    names = {claim: _one_line(form.get(claim, "")) for claim in NAME_CLAIMS}
    asked = form.get("locale", "")
    locale = asked if asked in LANGUAGES else signed_in.user.locale
    await desk.database.run(change_profile, signed_in.user.id, names, locale)
    response = see_other("/account?notice=saved")
    if locale:
        language_cookie(desk.settings, lasting=True).write(response, locale)
    return response


def _one_line(name: str) -> str:
    """Return a name without line breaks and control characters, and no longer than a name is."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(printable.split())[:_LONGEST]
