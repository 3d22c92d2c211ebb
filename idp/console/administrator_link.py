"""The page behind the one-time link that makes somebody an administrator.

Previews and scanners open links, so opening it changes nothing: its button does.
"""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.administration.administrators import accept_administrator_link, invited_administrator
from idp.console.console import PATH, Console, client_ip
from idp.flows.desk import Finished, SignIn


async def show_link(console: Console, request: Request) -> Response:
    """Say whom the link is for."""
    link_token = request.path_params["link_token"]
    email = await console.database.run(invited_administrator, link_token)
    if email is None:
        return await _gone(console, request)
    return console.page(request, "administrator_link.html", email=email)


async def submit_link(console: Console, request: Request) -> Response:
    """Give the role and sign the browser in: the link came from who runs the server."""
    finished = await console.database.run(_accept, console, request)
    if finished is None:
        return await _gone(console, request)
    return console.desk.signed_in(finished)


def _accept(session: Session, console: Console, request: Request) -> Finished | None:
    link_token = request.path_params["link_token"]
    user = accept_administrator_link(session, link_token, client_ip(request))
    if user is None:
        return None
    sign_in = SignIn(user.id, ["otp"], PATH, console.desk.is_remembered({}))
    return console.desk.sign_in(session, request, sign_in)


async def _gone(console: Console, request: Request) -> Response:
    await console.note_stranger("administrator.accept", "", client_ip(request))
    return console.page(request, "link_gone.html", status_code=410)
