"""What every page of the console has at hand, and who may see it."""

import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from idp.accounts.sessions import SignedIn
from idp.administration.administrators import find_signed_in, is_administrator
from idp.administration.audit import Actor, Target, record
from idp.administration.office import Office
from idp.administration.overview import Hour
from idp.administration.problems import NotFound, Problem
from idp.console.client import ensure_client
from idp.flows import Desk
from idp.oidc import Provider
from idp.settings import Settings, SetupError
from idp.storage import Database
from idp.storage.tables import User
from idp.web.cookies import Cookie
from idp.web.security import PAGE_POLICY

PATH = "/console"

# No page makes markup or script of text, so not even a named Trusted Types policy is needed.
_POLICY = (
    f"{PAGE_POLICY}; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_PAUSE_BETWEEN_STRANGERS = 1.0  # seconds
_REFUSED = 400  # the first HTTP status that says so

NAVIGATION = (
    ("", "Overview"),
    ("/connectors", "Connectors"),
    ("/templates", "Templates"),
    ("/deliveries", "Deliveries"),
    ("/applications", "Applications"),
    ("/users", "Users"),
    ("/sessions", "Sessions"),
    ("/sign-in-experience", "Sign-in experience"),
    ("/security", "Security policy"),
    ("/keys", "Keys"),
    ("/plugins", "Plugins"),
    ("/audit", "Audit log"),
)
"""Path below the console, and what its link says."""


@dataclass
class Console:
    """What every page has at hand."""

    office: Office
    desk: Desk
    provider: Provider
    finished_hours: dict[datetime, Hour] = field(init=False, default_factory=dict)
    """Counted once for the first page: how the mails of past hours ended does not change."""
    _stranger_noted_at: float = field(init=False, default=float("-inf"))

    @property
    def settings(self) -> Settings:
        return self.office.settings

    @property
    def database(self) -> Database:
        return self.office.database

    async def start(self) -> None:
        """Register the console as a client; must be awaited before the first request."""
        await self.database.run(ensure_client, self.settings)

    @property
    def session_cookie(self) -> Cookie:
        """Name the browser session an administrator signed in to the console with."""
        return self._cookie("idp_console")

    @property
    def sign_in_cookie(self) -> Cookie:
        """Hold what a sign-in under way must come back with."""
        return self._cookie("idp_console_sign_in")

    def _cookie(self, name: str) -> Cookie:
        secure = not self.settings.is_loopback
        return Cookie(f"__Host-{name}" if secure else name, secure)

    def seal(self, value: dict[str, object]) -> str:
        return self.office.secrets.seal_json(value)

    def unseal(self, cookie: str | None) -> dict[str, Any]:
        """Return what a cookie of ours holds; nothing for any other."""
        try:
            return self.office.secrets.open_json(cookie) if cookie else {}
        except (SetupError, json.JSONDecodeError):
            return {}

    def signed_in(self, session: Session, request: Request) -> SignedIn | None:
        """Return who signed in to the console with this browser, administrator or not."""
        session_id = self.unseal(self.session_cookie.read(request)).get("sid")
        return find_signed_in(session, self.settings, session_id) if session_id else None

    async def note_stranger(self, action: str, path: str, ip: str | None) -> None:
        """Record a refusal of somebody unknown; a flood of them does not fill the audit log."""
        moment = time.monotonic()
        if moment - self._stranger_noted_at < _PAUSE_BETWEEN_STRANGERS:
            return
        self._stranger_noted_at = moment
        actor = Actor("user", ip=ip)
        await self.database.run(record, actor, action, details={"path": path}, refused=True)

    async def note_forgery(self, scope: Scope) -> None:
        """Record a form that another site sent."""
        if scope["path"].startswith(PATH):
            ip = scope["client"][0] if scope.get("client") else None
            await self.note_stranger("console.forged_request", scope["path"][:200], ip)

    def page(
        self,
        request: Request,
        template: str,
        *,
        status_code: int = 200,
        user: User | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """Render a template; the text of every page is English."""
        body = (
            environment()
            .get_template(template)
            .render(
                settings=self.settings,
                navigation=NAVIGATION,
                path=request.url.path.removeprefix(PATH).rstrip("/"),
                user=user,
                **context,
            )
        )
        headers = {"Content-Security-Policy": _POLICY, "Content-Language": "en"}
        return HTMLResponse(body, status_code, headers=headers)


@dataclass(frozen=True)
class Refusal:
    """A change that was not made: which, of what, and the code of the reason."""

    action: str
    target: Target | None
    reason: str


@dataclass(frozen=True)
class Visitor:
    """The administrator who asks for a page; `refusals` go to the audit log after it."""

    user: User
    ip: str | None
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        return Actor("user", self.user.id, self.ip)

    @contextmanager
    def trying(self, action: str, target: Target | None = None) -> Iterator[None]:
        """Name the change that is tried in this block, for the case that it is refused."""
        try:
            yield
        except Problem as problem:
            self.refusals.append(Refusal(action, target, problem.code))
            raise


Page = Callable[[Console, Request, Visitor], Awaitable[Response]]
Guarded = Callable[[Console, Request], Awaitable[Response]]


def for_administrators(page: Page) -> Guarded:
    """Show a page to administrators; others sign in first, or are refused, which is recorded."""

    async def guarded(console: Console, request: Request) -> Response:
        found = await console.database.run(console.signed_in, request)
        if found is None:
            wanted = request.url.path if request.method == "GET" else PATH
            return see_other(f"{PATH}/sign-in?next={wanted}")
        visitor = Visitor(found.user, client_ip(request))
        if is_administrator(found.user):
            return await _with_refusals(page, console, request, visitor)
        action, details = "console.open", {"path": request.url.path[:200]}
        await console.database.run(record, visitor.actor, action, details=details, refused=True)
        return console.page(request, "refused.html", status_code=403, user=found.user)

    return guarded


async def _with_refusals(
    page: Page, console: Console, request: Request, visitor: Visitor
) -> Response:
    """Show a page, and record what was refused on it: by name, or that something was."""
    try:
        response = await page(console, request, visitor)
    except NotFound as missing:
        await _record_refusals(console, request, visitor, missing.status_code)
        raise HTTPException(missing.status_code) from missing
    except HTTPException as error:
        await _record_refusals(console, request, visitor, error.status_code)
        raise
    await _record_refusals(console, request, visitor, response.status_code)
    return response


async def _record_refusals(
    console: Console, request: Request, visitor: Visitor, status: int
) -> None:
    if request.method != "POST":
        return
    unnamed = [Refusal("console.change", None, str(status))] if status >= _REFUSED else []
    path = request.url.path[:200]
    for refusal in visitor.refusals or unnamed:
        details = {"reason": refusal.reason, "path": path}
        of = (visitor.actor, refusal.action, refusal.target, details)
        await console.database.run(record, *of, refused=True)


def see_other(location: str) -> Response:
    """Send the browser on with GET (RFC 9110 §15.4.4)."""
    return RedirectResponse(location, status_code=303)


def client_ip(request: Request) -> str | None:
    return request.client.host if request.client else None


async def form_of(request: Request) -> FormData:
    """Return the fields of a form; the middleware bounds its size."""
    return await request.form()


@cache
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
