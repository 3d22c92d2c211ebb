"""The wording of one kind of mail in one language: typed, looked at, tried out, saved, restored."""

from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.administration import email_templates
from idp.administration.email_templates import Key
from idp.administration.problems import Problem
from idp.administration.template_matrix import Cell
from idp.administration.template_preview import View
from idp.administration.template_trial import prepare_trial, record_trial, send_trial
from idp.administration.template_variables import variables_of
from idp.connector_kit import InvalidConfig, ProbeStep
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.instance_names import instance_names
from idp.console.template_draft import Draft, current_cell, key_of, problems_of, starting_draft
from idp.console.template_pages import address_of
from idp.storage.tables import CustomTemplateVersion, User
from idp.web.i18n import LANGUAGES

_NOTICES = {"restored": "Restored. The next mail of this kind says it."}


@dataclass(frozen=True)
class Surroundings:
    """What stands around the text: what is sent now, what was once, and who can send a test."""

    cell: Cell
    versions: list[CustomTemplateVersion]
    people: dict[str, str]
    names: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """A test mail: to whom, through which connector instance."""

    to: str = ""
    connector: str = ""

    @classmethod
    def of(cls, form: FormData) -> "Trial":
        return cls(*(str(form.get(name, "")).strip() for name in ("to", "connector")))


async def show_template(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show a wording, or what to start one from."""
    key = key_of(request)
    draft = await console.database.run(starting_draft, console, key, dict(request.query_params))
    return await _page(console, request, visitor, draft, is_stored=True)


async def submit_template(console: Console, request: Request, visitor: Visitor) -> Response:
    """Check, try out or save what was typed."""
    form = await request.form()
    draft = Draft.read({name: str(value) for name, value in form.items()})
    match form.get("do"):
        case "test":
            return await _try_out(console, request, visitor, draft)
        case "save":
            return await _save(console, request, visitor, draft)
    if _wants_json(request):
        found = [asdict(each) for each in draft.findings(key_of(request))]
        return JSONResponse({"findings": found})
    return await _page(console, request, visitor, draft, trial=Trial.of(form))


async def submit_restoration(console: Console, request: Request, visitor: Visitor) -> Response:
    """Save what was said once."""
    key, form = key_of(request), await request.form()
    version_id = str(form.get("version", ""))
    restore = email_templates.restore_version
    try:
        with visitor.trying("email-template.save", key.target):
            await console.database.run(restore, visitor.actor, key, version_id)
    except Problem as problem:
        draft = await console.database.run(starting_draft, console, key, {})
        draft.problems = problems_of(problem)
        return await _page(console, request, visitor, draft, is_stored=True)
    return see_other(f"{address_of(key)}?notice=restored")


async def submit_deletion(console: Console, request: Request, visitor: Visitor) -> Response:
    """Forget a wording."""
    key, delete = key_of(request), email_templates.delete_template
    with visitor.trying("email-template.delete", key.target):
        await console.database.run(delete, visitor.actor, key)
    return see_other(f"{PATH}/templates?notice=deleted")


async def _save(console: Console, request: Request, visitor: Visitor, draft: Draft) -> Response:
    key, save = key_of(request), email_templates.save_template
    try:
        with visitor.trying("email-template.save", key.target):
            await console.database.run(save, visitor.actor, key, draft.details, seal=draft.seal)
    except Problem as problem:
        draft.problems = problems_of(problem)
        trial = Trial.of(await request.form())
        return await _page(console, request, visitor, draft, trial=trial)
    return see_other(f"{PATH}/templates?notice=saved")


async def _try_out(console: Console, request: Request, visitor: Visitor, draft: Draft) -> Response:
    """Send a mail in this wording, which nothing saves."""
    trial = Trial.of(await request.form())
    steps: list[ProbeStep] = []
    key = key_of(request)
    try:
        with visitor.trying("email-template.test", key.target):
            steps = await _send(console, visitor, key, draft, trial)
    except InvalidConfig as error:
        draft.problems = {"connector": f"has settings that do not work: {error}"}
    except Problem as problem:
        draft.problems = problems_of(problem)
    if _wants_json(request):
        shown = [asdict(step) for step in steps]
        return JSONResponse({"steps": shown, "problems": draft.problems})
    return await _page(console, request, visitor, draft, trial=trial, steps=steps)


async def _send(
    console: Console, visitor: Visitor, key: Key, draft: Draft, trial: Trial
) -> list[ProbeStep]:
    """Send and record it; raises InvalidConfig or Problem before anything is sent."""
    prepared = await console.database.run(
        prepare_trial,
        console.office,
        key,
        draft.details,
        to=trial.to,
        instance_id=trial.connector,
    )
    tested = await send_trial(console.office, prepared)
    await console.database.run(record_trial, visitor.actor, prepared, tested)
    return list(tested.steps)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept") == "application/json"


def _surroundings(session: Session, console: Console, key: Key) -> Surroundings:
    found = email_templates.versions(session, key)
    ids = {each.actor_id for each in found if each.actor_type == "user" and each.actor_id}
    named = select(User.id, User.email).where(col(User.id).in_(ids))
    people = dict(session.exec(named).all())
    cell = current_cell(session, console, key)
    return Surroundings(cell, found, people, instance_names(session, console))


async def _page(  # noqa: PLR0913 (what stands on it)
    console: Console,
    request: Request,
    visitor: Visitor,
    draft: Draft,
    *,
    is_stored: bool = False,
    trial: Trial | None = None,
    steps: list[ProbeStep] | None = None,
) -> Response:
    key = key_of(request)
    around = await console.database.run(_surroundings, console, key)
    page = console.page(
        request,
        "template.html",
        status_code=422 if draft.problems else 200,
        user=visitor.user,
        key=key,
        address=address_of(key),
        language=LANGUAGES.get(key.language_tag, key.language_tag),
        draft=draft,
        is_stored=is_stored,
        query=request.url.query,
        findings=draft.findings(key),
        around=around,
        variables=variables_of(key.usage_type),
        views=[each.value for each in View],
        trial=trial or Trial(to=visitor.user.email),
        steps=steps or [],
        notice=_NOTICES.get(request.query_params.get("notice", "")),
    )
    # The preview is a document of this server, which runs nothing.
    page.headers["Content-Security-Policy"] += "; frame-src 'self'"
    return page
