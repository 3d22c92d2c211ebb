"""The server: one readable list of its parts, routes and middleware."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DataError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from idp import flows, oidc, operations, web
from idp.accounts.passwords import Passwords, TooManyPasswords
from idp.connectors import Connectors
from idp.outbox import Carrier, Courier, Outbox, open_carrier
from idp.plugins import Plugins, load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets, open_database
from idp.storage.housekeeping import keep_clean
from idp.verification import Gate, Limits, Proofs
from idp.web.branding import brand_routes
from idp.web.error_pages import error_pages
from idp.web.i18n import mark
from idp.web.pages import Pages
from idp.web.security import BodyLimit, CrossSiteGuard, SecurityHeaders

# Other sites and programs post here; none of these acts on a cookie alone.
_OPEN_TO_OTHERS = frozenset(
    f"/oidc/{name}"
    for name in (
        "authorize",
        "token",
        "userinfo",
        "logout",
        "revoke",
        "introspect",
        "device",
        "par",
    )
)
_LARGEST_FORM = 64 * 1024  # bytes


@dataclass(frozen=True)
class Server:
    """The parts of a running server, for programs that embed it."""

    settings: Settings
    database: Database
    secrets: Secrets
    plugins: Plugins
    connectors: Connectors
    carrier: Carrier
    courier: Courier


def create_app(
    settings: Settings,
    *,
    plugins: Sequence[object] = (),
    limits: Limits | None = None,
    deliver: bool = True,
) -> Starlette:
    """Build the server; `plugins` join the installed ones. Its parts are in `app.state.server`.

    Without `deliver`, mails are promised here and delivered by other processes.
    """
    server = open_server(settings, plugins)
    outbox = Outbox(settings, server.secrets, server.plugins, server.carrier.defer)
    limits = limits or Limits.of(settings)
    proofs = Proofs(settings, server.secrets, outbox, limits)
    gate = Gate(settings, server.plugins, limits)
    pages = Pages(settings)
    provider = oidc.Provider(settings, server.database, server.secrets, pages)
    passwords = Passwords(settings)
    desk = flows.Desk(settings, server.database, proofs, pages, outbox, passwords, gate)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await provider.start()
        async with running(server, deliver=deliver), aclosing(gate):
            yield

    app = Starlette(
        routes=[
            *oidc.routes(provider),
            *flows.routes(desk),
            *operations.routes(settings, server.database, server.connectors, server.plugins),
            Route("/", _home),
            *brand_routes(settings),
            Mount("/static", StaticFiles(directory=Path(web.__file__).parent / "static")),
        ],
        middleware=[
            Middleware(SecurityHeaders, https=not settings.is_loopback),
            Middleware(CrossSiteGuard, exempt=_OPEN_TO_OTHERS),
            Middleware(BodyLimit, max_body_size=_LARGEST_FORM),
        ],
        exception_handlers={
            **error_pages(pages, unreadable=DataError),
            TooManyPasswords: partial(_too_busy, pages),
        },
        lifespan=lifespan,
    )
    app.state.server = server
    return app


def open_server(settings: Settings, plugins: Sequence[object] = ()) -> Server:
    """Open the parts of a server; nothing runs yet."""
    database = open_database(settings.database_url)
    secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
    loaded = load_plugins(plugins)
    connectors = Connectors(database, secrets, loaded)
    carrier = open_carrier(settings)
    courier = Courier(database, secrets, connectors, loaded, carrier.follow_up)
    return Server(settings, database, secrets, loaded, connectors, carrier, courier)


@asynccontextmanager
async def running(server: Server, *, deliver: bool) -> AsyncIterator[None]:
    """Run what a server does beside answering requests, and close it in the end."""
    log_age = timedelta(days=server.settings.delivery_log_days)
    tasks = [
        asyncio.create_task(keep_clean(server.database, log_age)),
        asyncio.create_task(operations.keep_totals(server.database)),
    ]
    if deliver:
        tasks.append(asyncio.create_task(server.carrier.run(server.courier)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.carrier.aclose()
        await server.connectors.aclose()
        await server.database.aclose()


async def _too_busy(pages: Pages, request: Request, _: Exception) -> Response:
    title = mark("Please try again in a moment")
    message = mark("Too many people are signing in right now.")
    response = pages.error(request, title, message, status_code=503)
    response.headers["Retry-After"] = "5"
    return response


async def _home(_: Request) -> Response:
    return RedirectResponse("/account", status_code=303)
