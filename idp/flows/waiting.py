"""Entry pages name the application that waits; one that no longer waits is not passed over."""

from collections.abc import Awaitable, Callable, Mapping

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.flows import texts
from idp.flows.desk import APPLICATION, Desk, describe
from idp.storage.secrets import fingerprint
from idp.storage.tables import now
from idp.web.cookies import browser_cookie

Page = Callable[[Request], Awaitable[Response]]


class NotWaiting(Exception):
    """The application that a page names has stopped waiting, or never began."""


def for_application(desk: Desk, page: Page) -> Page:
    """Answer with `page`, or say that its application no longer waits."""

    async def answer(request: Request) -> Response:
        try:
            return await page(request)
        except NotWaiting:
            return desk.pages.error(
                request,
                texts.NOT_WAITING,
                texts.NOT_WAITING_ADVICE,
                status_code=410,
                links=((texts.SIGN_IN_WITHOUT, "/sign-in"),),
            )

    return answer


def waiting_application(
    session: Session, desk: Desk, request: Request
) -> Mapping[str, object] | None:
    """Return the application a page names, as templates see it; raises NotWaiting."""
    interaction_id = request.query_params.get("interaction")
    if interaction_id is None:
        return None
    found = APPLICATION.first(session, id=interaction_id)
    browser = browser_cookie(desk.settings).read(request)
    if found is None or browser is None:
        raise NotWaiting
    interaction, client = found
    if interaction.expires_at <= now() or interaction.browser != fingerprint(browser):
        raise NotWaiting
    return describe(client)
