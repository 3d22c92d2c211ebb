"""The choice of a language, which also decides what language further mails of a flow are in."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.flows.desk import Desk, see_other
from idp.storage.secrets import fingerprint
from idp.storage.tables import Flow
from idp.web.cookies import browser_cookie, language_cookie
from idp.web.i18n import best_match
from idp.web.redirects import local_address


async def submit_language(desk: Desk, request: Request) -> Response:
    """Remember the language and show the page it was chosen on again."""
    form = await request.form()
    locale = best_match([str(form.get("locale", ""))])
    response = see_other(local_address(str(form.get("next", ""))))
    if locale:
        await desk.database.run(_translate, desk, request, str(form.get("flow", "")), locale)
        language_cookie(desk.settings, lasting=True).write(response, locale)
    return response


def _translate(session: Session, desk: Desk, request: Request, flow_id: str, locale: str) -> None:
    flow = session.get(Flow, flow_id)
    browser = browser_cookie(desk.settings).read(request)
    if flow and browser and flow.browser == fingerprint(browser):
        flow.locale = locale
