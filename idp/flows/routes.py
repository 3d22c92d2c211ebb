"""The steps of each flow and the addresses they have."""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idp.flows.account_routes import account_routes
from idp.flows.address_step import show_address, submit_address
from idp.flows.code_step import show_code, submit_code, submit_resend
from idp.flows.confirm_step import show_confirm, submit_confirm
from idp.flows.desk import PATHS, Desk
from idp.flows.language import submit_language
from idp.flows.mail_progress import show_mail_progress
from idp.flows.new_password_step import show_new_password, submit_new_password
from idp.flows.password_step import show_password, submit_password
from idp.flows.waiting import for_application
from idp.storage.tables import FlowKind

Endpoint = Callable[[Desk, FlowKind, Request], Awaitable[Response]]

STEPS: tuple[tuple[str, Endpoint, Endpoint], ...] = (
    ("", show_address, submit_address),
    ("/{flow}/code", show_code, submit_code),
    ("/{flow}/resend", show_code, submit_resend),
    ("/{flow}/confirm", show_confirm, submit_confirm),
    ("/{flow}/new-password", show_new_password, submit_new_password),
)
"""Every flow takes these in this order and leaves out what it does not need: path, GET, POST."""


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the pages a person uses."""
    steps = [
        Route(
            PATHS[kind] + path,
            for_application(desk, partial(endpoint, desk, kind)),
            methods=[method],
        )
        for kind in FlowKind
        for path, show, submit in STEPS
        for method, endpoint in (("GET", show), ("POST", submit))
    ]
    mails = [
        Route(PATHS[kind] + "/{flow}/mail", partial(show_mail_progress, desk, kind))
        for kind in FlowKind
    ]
    password = [
        Route(PATHS[FlowKind.SIGN_IN] + "/password", for_application(desk, page), methods=[method])
        for method, page in (
            ("GET", partial(show_password, desk)),
            ("POST", partial(submit_password, desk)),
        )
    ]
    return [
        *password,
        *steps,
        *mails,
        Route("/language", partial(submit_language, desk), methods=["POST"]),
        *account_routes(desk),
    ]
