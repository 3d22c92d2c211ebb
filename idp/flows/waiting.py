"""Entry pages name the application that waits; one that no longer waits is not passed over."""

from collections.abc import Awaitable, Callable

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.flows import texts
from idp.flows.desk import Desk
from idp.storage.secrets import fingerprint
from idp.storage.tables import Interaction, now
from idp.web.cookies import browser_cookie

Page = Callable[[Request], Awaitable[Response]]


def for_application(desk: Desk, page: Page) -> Page:
    """Answer with `page` unless the application it names has stopped waiting, or never began."""

    async def answer(request: Request) -> Response:
        interaction_id = request.query_params.get("interaction")
        if interaction_id is None or await desk.database.run(_is_waiting, desk, request):
            return await page(request)
        return desk.pages.error(
            request,
            texts.NOT_WAITING,
            texts.NOT_WAITING_ADVICE,
            status_code=410,
            links=((texts.SIGN_IN_WITHOUT, "/sign-in"),),
        )

    return answer


def _is_waiting(session: Session, desk: Desk, request: Request) -> bool:
    interaction = session.get(Interaction, request.query_params["interaction"])
    browser = browser_cookie(desk.settings).read(request)
    if interaction is None or browser is None or interaction.expires_at <= now():
        return False
    return interaction.browser == fingerprint(browser)
