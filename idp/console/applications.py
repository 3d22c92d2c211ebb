"""Applications: what signs people in here, where it leads them, and its secrets."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from idp.administration import applications
from idp.administration.applications import (
    PEOPLES_SCOPE,
    ApplicationChange,
    ApplicationType,
    NewApplication,
    type_of,
)
from idp.administration.audit import Target
from idp.administration.overview import CONSOLE
from idp.administration.paging import Page
from idp.administration.problems import Problem
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.forms import lines, number_of, problems_of, text
from idp.storage.tables import Client, ClientSecret, now

TYPES = (
    (ApplicationType.TRADITIONAL.value, "Web: runs on a server and keeps a secret"),
    (ApplicationType.SPA.value, "Single page: runs in a browser, has no secret"),
    (ApplicationType.NATIVE.value, "Native: runs on a phone or a desktop, has no secret"),
    (ApplicationType.MACHINE_TO_MACHINE.value, "Machine to machine: acts for itself"),
)
_NAMES = {value: label.partition(":")[0] for value, label in TYPES}
_PAGE = 50
_PEACE = timedelta(hours=24)
_NOTICES = {
    "saved": "Saved. It counts from the next request on.",
    "ended": "The secret has ended.",
    "removed": "Removed, with all it was granted.",
}


@dataclass(frozen=True)
class Draft:
    """An application as it stands in the form; addresses one a line."""

    name: str = ""
    type: str = ApplicationType.TRADITIONAL.value
    redirect_uris: str = ""
    post_logout_redirect_uris: str = ""
    backchannel_logout_uri: str = ""
    third_party: bool = False
    scope: str = ""

    @classmethod
    def of_form(cls, form: FormData) -> "Draft":
        return cls(
            name=text(form, "name"),
            type=text(form, "type"),
            redirect_uris=text(form, "redirect_uris"),
            post_logout_redirect_uris=text(form, "post_logout_redirect_uris"),
            backchannel_logout_uri=text(form, "backchannel_logout_uri"),
            third_party="third_party" in form,
            scope=text(form, "scope"),
        )

    @classmethod
    def of_client(cls, client: Client) -> "Draft":
        return cls(
            name=client.name,
            type=type_of(client).value,
            redirect_uris="\n".join(client.redirect_uris),
            post_logout_redirect_uris="\n".join(client.post_logout_redirect_uris),
            backchannel_logout_uri=client.backchannel_logout_uri or "",
            third_party=not client.first_party,
            scope=client.scope,
        )

    def new(self) -> NewApplication:
        known = {*ApplicationType}
        return NewApplication(
            name=self.name,
            type=ApplicationType(self.type) if self.type in known else ApplicationType.TRADITIONAL,
            redirect_uris=lines(self.redirect_uris),
            post_logout_redirect_uris=lines(self.post_logout_redirect_uris),
            backchannel_logout_uri=self.backchannel_logout_uri,
            third_party=self.third_party,
            scope=self.scope or None,
        )

    def change(self) -> ApplicationChange:
        scope = " ".join(self.scope.split())
        if self.type == ApplicationType.MACHINE_TO_MACHINE:  # its form has nothing else
            return ApplicationChange(name=self.name, scope=scope)
        return ApplicationChange(
            name=self.name,
            redirect_uris=lines(self.redirect_uris),
            post_logout_redirect_uris=lines(self.post_logout_redirect_uris),
            backchannel_logout_uri=self.backchannel_logout_uri,
            third_party=self.third_party,
            scope=scope,
        )


async def show_applications(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show what is registered, newest first."""
    number = number_of(request.query_params.get("page"))
    page = Page(number, _PAGE)
    found, total = await console.database.read(applications.applications, page)
    return console.page(
        request,
        "applications.html",
        user=visitor.user,
        applications=[(each, _NAMES[type_of(each).value]) for each in found],
        total=total,
        number=number,
        is_last=page.offset + _PAGE >= total,
        built_in=CONSOLE,
        notice=_NOTICES.get(request.query_params.get("notice", "")),
    )


async def show_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Ask what the application is."""
    return _new_page(console, request, visitor, Draft(), {})


async def submit_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Register it; a secret is on the page that answers, and never again."""
    draft = Draft.of_form(await request.form())
    add = applications.add_application
    try:
        with visitor.trying("application.create"):
            client, secret = await console.database.run(add, visitor.actor, draft.new())
    except Problem as problem:
        return _new_page(console, request, visitor, draft, problems_of(problem))
    return await _page(console, request, visitor, client.id, secret=secret, is_new=True)


async def show_application(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show one application."""
    notice = _NOTICES.get(request.query_params.get("notice", ""))
    return await _page(console, request, visitor, request.path_params["client_id"], notice=notice)


async def submit_application(console: Console, request: Request, visitor: Visitor) -> Response:
    """Change it."""
    client_id = request.path_params["client_id"]
    draft = Draft.of_form(await request.form())
    change = applications.change_application
    try:
        with visitor.trying("application.update", Target("application", client_id)):
            await console.database.run(change, visitor.actor, client_id, draft.change())
    except Problem as problem:
        problems = problems_of(problem)
        return await _page(console, request, visitor, client_id, draft=draft, problems=problems)
    return see_other(f"{_path(request)}?notice=saved")


async def submit_secret(console: Console, request: Request, visitor: Visitor) -> Response:
    """Give it one more secret, shown this once, and let the others end when it was said."""
    client_id, form = request.path_params["client_id"], await request.form()
    moments = {"now": now(), "day": now() + _PEACE}
    ends = {"expires_at": None, "others_expire_at": moments.get(text(form, "others"))}
    rotate = applications.rotate_secret
    try:
        with visitor.trying("application.secret.create", Target("application", client_id)):
            secret = await console.database.run(rotate, visitor.actor, client_id, **ends)
    except Problem as problem:
        problems = problems_of(problem)
        return await _page(console, request, visitor, client_id, problems=problems)
    return await _page(console, request, visitor, client_id, secret=secret)


async def submit_secret_end(console: Console, request: Request, visitor: Visitor) -> Response:
    """End one secret at once."""
    client_id, secret_id = request.path_params["client_id"], request.path_params["secret_id"]
    remove = applications.remove_secret
    with visitor.trying("application.secret.delete", Target("application", client_id)):
        await console.database.run(remove, visitor.actor, client_id, secret_id)
    return see_other(f"{_path(request)}?notice=ended")


async def submit_removal(console: Console, request: Request, visitor: Visitor) -> Response:
    """Forget it, with all it was granted."""
    client_id = request.path_params["client_id"]
    remove = applications.remove_application
    try:
        with visitor.trying("application.delete", Target("application", client_id)):
            await console.database.run(remove, visitor.actor, client_id)
    except Problem as problem:
        problems = problems_of(problem)
        return await _page(console, request, visitor, client_id, problems=problems)
    return see_other(f"{PATH}/applications?notice=removed")


def _new_page(
    console: Console, request: Request, visitor: Visitor, draft: Draft, problems: dict[str, str]
) -> Response:
    return console.page(
        request,
        "application.html",
        status_code=422 if problems else 200,
        user=visitor.user,
        client=None,
        draft=draft,
        problems=problems,
        types=TYPES,
        peoples_scope=PEOPLES_SCOPE,
    )


async def _page(  # noqa: PLR0913 (what stands on it)
    console: Console,
    request: Request,
    visitor: Visitor,
    client_id: str,
    *,
    draft: Draft | None = None,
    problems: dict[str, str] | None = None,
    secret: str | None = None,
    is_new: bool = False,
    notice: str | None = None,
) -> Response:
    client, secrets = await console.database.run(_read, client_id)
    return console.page(
        request,
        "application.html",
        status_code=422 if problems else 200,
        user=visitor.user,
        client=client,
        draft=draft or Draft.of_client(client),
        type_name=_NAMES[type_of(client).value],
        is_built_in=client_id == CONSOLE,
        secrets=secrets,
        moment_now=now(),
        secret=secret,
        is_new=is_new,
        problems=problems or {},
        notice=notice,
        issuer=console.settings.issuer,
        peoples_scope=PEOPLES_SCOPE,
    )


def _read(session: Session, client_id: str) -> tuple[Client, list[ClientSecret]]:
    client = applications.application(session, client_id)
    return client, applications.secrets(session, client_id)


def _path(request: Request) -> str:
    return f"{PATH}/applications/{request.path_params['client_id']}"
