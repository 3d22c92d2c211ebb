"""The pages of an account, of the codes it asks for and of the links mailed to people."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idp.flows.account import (
    show_account,
    submit_grant_end,
    submit_session_end,
    submit_sessions_end,
    submit_sign_out,
)
from idp.flows.account_address import show_address_change, submit_address_change
from idp.flows.account_delete import show_deletion, submit_deletion
from idp.flows.account_guard import show_confirm_owner, submit_confirm_owner
from idp.flows.account_password import show_password_change, submit_password_change
from idp.flows.account_profile import show_profile, submit_profile
from idp.flows.account_second_step import show_second_step, submit_second_step
from idp.flows.challenge_step import show_challenge, submit_challenge, submit_challenge_resend
from idp.flows.desk import Desk
from idp.flows.link_step import show_link, submit_link

Endpoint = Callable[[Desk, Request], Awaitable[Response]]

PAGES: tuple[tuple[str, Endpoint, Endpoint], ...] = (
    ("/account/confirm", show_confirm_owner, submit_confirm_owner),
    ("/account/profile", show_profile, submit_profile),
    ("/account/address", show_address_change, submit_address_change),
    ("/account/password", show_password_change, submit_password_change),
    ("/account/second-step", show_second_step, submit_second_step),
    ("/account/delete", show_deletion, submit_deletion),
    ("/account/sign-out", show_account, submit_sign_out),
    ("/account/sessions/end", show_account, submit_session_end),
    ("/account/sessions/end-others", show_account, submit_sessions_end),
    ("/account/applications/end", show_account, submit_grant_end),
    ("/challenges/{challenge}", show_challenge, submit_challenge),
    ("/challenges/{challenge}/resend", show_challenge, submit_challenge_resend),
    ("/links/{link_token}", show_link, submit_link),
)
"""Path, GET, POST."""


def account_routes(desk: Desk) -> list[Route]:
    """Return the routes of these pages."""
    pages = [
        Route(path, partial(endpoint, desk), methods=[method])
        for path, show, submit in PAGES
        for method, endpoint in (("GET", show), ("POST", submit))
    ]
    return [Route("/account", partial(show_account, desk), methods=["GET"]), *pages]
