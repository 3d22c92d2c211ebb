"""The server: one readable list of its parts, routes and middleware."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
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
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from idp import console, flows, oidc, operations, web
from idp.accounts.current_experience import CurrentExperience
from idp.accounts.passwords import Passwords, TooManyPasswords
from idp.administration.access import register_management_api
from idp.administration.office import Office
from idp.api import mount_api
from idp.connectors import Connectors
from idp.outbox import Carrier, Courier, Outbox, open_carrier
from idp.plugins import Plugins, load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets, open_database
from idp.storage.housekeeping import keep_clean
from idp.verification import Gate, Limits, Proofs
from idp.web.body_limit import BodyLimit
from idp.web.branding import brand_routes
from idp.web.direct import DirectCalls
from idp.web.error_pages import Handler, cross_site_page, error_pages
from idp.web.i18n import mark
from idp.web.pages import Pages
from idp.web.security import CrossSiteGuard, SecurityHeaders

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
_FOR_PROGRAMS = _OPEN_TO_OTHERS - {"/oidc/authorize", "/oidc/logout"}
_LARGEST_FORM = 64 * 1024  # bytes
_LARGEST_BELOW = {
    "/api/": 2 * 1024 * 1024,  # holds templates of many kinds and languages
    "/console/templates/": 1024 * 1024,  # every octet may take three in a form
    "/console/sign-in-experience": 1024 * 1024,  # holds a style sheet
}


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
    experience: CurrentExperience


def create_app(
    settings: Settings,
    *,
    plugins: Sequence[object] = (),
    limits: Limits | None = None,
    deliver: bool = True,
) -> Starlette:
    """Build the server; `plugins` join the installed ones. Its parts are in `app.state.server`.

    Without `deliver`, mails are promised here and delivered by other processes. `limits` given here
    hold whatever the sign-in experience says.
    """
    server = open_server(settings, plugins)
    rooms = _furnish(server, limits)
    refusals: dict[int | type[Exception], Handler] = {
        **error_pages(rooms.pages, unreadable=DataError, for_programs=_FOR_PROGRAMS),
        TooManyPasswords: partial(_too_busy, rooms.pages),
    }
    app = Starlette(
        routes=_routes(server, rooms),
        middleware=_middleware(settings, rooms, refusals),
        exception_handlers=refusals,
        lifespan=lambda _: _living(server, rooms, deliver=deliver),
    )
    app.state.server = server
    return app


@dataclass(frozen=True)
class _Rooms:
    """What answers people, applications and administrators."""

    pages: Pages
    gate: Gate
    provider: oidc.Provider
    desk: flows.Desk
    office: Office
    control: console.Console


def _furnish(server: Server, given: Limits | None) -> _Rooms:
    settings, database, experience = server.settings, server.database, server.experience
    outbox = Outbox(settings, server.secrets, server.plugins, server.carrier.defer)
    limits = given or Limits.of(settings)
    proofs = Proofs(settings, server.secrets, outbox, limits)
    gate = Gate(settings, server.plugins, limits)
    experience.follow(partial(flows.guard, proofs, gate, keep_limits=given is not None))
    pages = Pages(settings, lambda: flows.look_of(experience.value, settings.issuer))
    provider = oidc.Provider(settings, database, server.secrets, pages, outbox)
    passwords = Passwords(settings)
    desk = flows.Desk(settings, database, proofs, pages, outbox, passwords, gate, experience)
    office = Office(
        settings=settings,
        secrets=server.secrets,
        plugins=server.plugins,
        database=database,
        outbox=outbox,
        proofs=proofs,
        passwords=passwords,
        defer=server.carrier.defer,
    )
    control = console.Console(office, desk, provider)
    return _Rooms(pages, gate, provider, desk, office, control)


def _routes(server: Server, rooms: _Rooms) -> list[BaseRoute]:
    return [
        *oidc.routes(rooms.provider),
        *flows.routes(rooms.desk),
        *operations.routes(server.settings, server.database, server.plugins),
        *console.routes(rooms.control),
        mount_api(rooms.office),
        Route("/", _home),
        *brand_routes(server.settings, rooms.pages.look),
        Mount("/static", StaticFiles(directory=Path(web.__file__).parent / "static")),
    ]


def _middleware(
    settings: Settings, rooms: _Rooms, refusals: Mapping[int | type[Exception], Handler]
) -> list[Middleware]:
    return [
        Middleware(
            DirectCalls,
            calls=oidc.direct_calls(rooms.provider),
            handlers=refusals,
            largest=_LARGEST_FORM,
        ),
        Middleware(SecurityHeaders, https=not settings.is_loopback),
        Middleware(
            CrossSiteGuard,
            exempt=_OPEN_TO_OTHERS,
            exempt_below=("/api/",),
            refusal=partial(_refuse_cross_site, rooms.pages, rooms.control),
        ),
        Middleware(BodyLimit, largest=_LARGEST_FORM, below=_LARGEST_BELOW),
    ]


@asynccontextmanager
async def _living(server: Server, rooms: _Rooms, *, deliver: bool) -> AsyncIterator[None]:
    """Prepare what the first request finds, and run until the server stops."""
    await rooms.provider.start()
    await server.experience.refresh()
    await rooms.control.start()
    await server.database.run(register_management_api, server.settings.issuer)
    async with (
        running(server, deliver=deliver),
        server.experience.kept_fresh(),
        aclosing(rooms.gate),
    ):
        yield


def open_server(settings: Settings, plugins: Sequence[object] = ()) -> Server:
    """Open the parts of a server; nothing runs yet."""
    database = open_database(settings.database_url)
    secrets = Secrets([key.get_secret_value() for key in settings.secret_keys])
    loaded = load_plugins(plugins)
    connectors = Connectors(database, secrets, loaded)
    carrier = open_carrier(settings)
    courier = Courier(database, secrets, connectors, loaded, carrier.follow_up)
    courier.open(oidc.LogoutChannel(settings, database, secrets))
    experience = CurrentExperience(database, settings)
    return Server(settings, database, secrets, loaded, connectors, carrier, courier, experience)


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
        await server.courier.aclose()
        await server.connectors.aclose()
        await server.database.aclose()


async def _refuse_cross_site(pages: Pages, control: console.Console, request: Request) -> Response:
    await control.note_forgery(request.scope)
    return cross_site_page(pages, request)


async def _too_busy(pages: Pages, request: Request, _: Exception) -> Response:
    title = mark("Please try again in a moment")
    message = mark("Too many people are signing in right now.")
    response = pages.error(request, title, message, status_code=503)
    response.headers["Retry-After"] = "5"
    return response


async def _home(_: Request) -> Response:
    return RedirectResponse("/account", status_code=303)
