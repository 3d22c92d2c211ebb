"""The settings of one connector: as a form or as JSON, beside its guide and a test send."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from markdown_it import MarkdownIt
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.administration import connectors
from idp.administration.connector_secrets import restored
from idp.administration.connectors import Tested
from idp.administration.problems import Problem
from idp.connector_kit import EmailRequest, InvalidConfig, ProbeStep, UsageType
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.settings_form import Draft, as_json, draw, read
from idp.outbox.sample import sample_mail
from idp.outbox.wording import custom_template
from idp.plugins import ConnectorClass
from idp.web.i18n import LANGUAGES

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_AS_A_WHOLE = "config"


@dataclass(frozen=True)
class Editor:
    """The settings of one connector class: those of an instance, or new ones."""

    connector: ConnectorClass
    instance_id: str | None
    shown: dict[str, Any]
    """The saved settings without their secrets."""
    is_json: bool = False


@dataclass(frozen=True)
class Trial:
    """A test mail: to whom, which kind, in which language."""

    to: str = ""
    usage_type: str = UsageType.GENERIC.value
    locale: str = ""

    @classmethod
    def of(cls, form: FormData) -> "Trial":
        return cls(*(str(form.get(name, "")).strip() for name in ("to", "usage_type", "locale")))


async def show_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show settings to start from: the example, or that of one provider."""
    editor = _new(console, request)
    metadata = editor.connector.metadata
    service = request.query_params.get("service", "")
    example = metadata.example_configs.get(service, metadata.example_config)
    return _page(console, request, visitor, editor, Draft(dict(example)))


async def show_instance(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show saved settings; secrets are never among them."""
    editor = await _saved(console, request)
    return _page(console, request, visitor, editor, Draft(editor.shown))


async def submit_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Try out or save new settings, or show them in the other form."""
    return await _submit(console, request, visitor, _new(console, request))


async def submit_instance(console: Console, request: Request, visitor: Visitor) -> Response:
    """Do the same with the settings of an instance."""
    return await _submit(console, request, visitor, await _saved(console, request))


def _new(console: Console, request: Request) -> Editor:
    connector = console.office.plugins.connectors.get(request.path_params["connector_id"])
    if connector is None:
        raise HTTPException(404)
    return Editor(connector, None, {}, is_json=request.query_params.get("as") == "json")


async def _saved(console: Console, request: Request) -> Editor:
    instance_id = request.path_params["instance_id"]
    try:
        found = await console.database.run(connectors.instance, console.office, instance_id)
    except Problem as problem:
        raise HTTPException(404) from problem
    if found.connector is None:
        raise HTTPException(404)
    is_json = request.query_params.get("as") == "json"
    return Editor(found.connector, instance_id, dict(found.config), is_json=is_json)


async def _submit(console: Console, request: Request, visitor: Visitor, editor: Editor) -> Response:
    form = await request.form()
    editor = replace(editor, is_json=form.get("mode") == "json")
    draft = _draft(editor, form)
    match form.get("do"):
        case "test":
            return await _try_out(console, request, visitor, editor, draft)
        case "save":
            return await _save(console, request, visitor, editor, draft)
    if _AS_A_WHOLE not in draft.problems:
        editor = replace(editor, is_json=form.get("do") == "json")
    return _page(console, request, visitor, editor, draft, trial=Trial.of(form))


def _draft(editor: Editor, form: FormData) -> Draft:
    if not editor.is_json:
        return read(draw(editor.connector), form, editor.shown)
    text = str(form.get("config", ""))
    try:
        config = json.loads(text)
    except ValueError as error:
        return Draft({}, {_AS_A_WHOLE: f"is not JSON: {error}"}, text=text)
    if not isinstance(config, dict):
        return Draft({}, {_AS_A_WHOLE: "must be one JSON object"}, text=text)
    return Draft(config)


async def _save(
    console: Console, request: Request, visitor: Visitor, editor: Editor, draft: Draft
) -> Response:
    if not draft.problems:
        try:
            await console.database.run(_write, console, visitor, editor, draft)
        except (InvalidConfig, Problem) as error:
            draft.problems |= _problems(error)
    if draft.problems:
        trial = Trial.of(await request.form())
        return _page(console, request, visitor, editor, draft, trial=trial)
    return see_other(f"{PATH}/connectors?notice=saved")


def _write(
    session: Session, console: Console, visitor: Visitor, editor: Editor, draft: Draft
) -> None:
    office, actor = console.office, visitor.actor
    if editor.instance_id is None:
        connectors.save(session, office, actor, editor.connector, draft.config, append=True)
    else:
        gone = dict.fromkeys(editor.shown.keys() - draft.config.keys())
        connectors.change(session, office, actor, editor.instance_id, draft.config | gone)


async def _try_out(
    console: Console, request: Request, visitor: Visitor, editor: Editor, draft: Draft
) -> Response:
    """Send a mail the way it would be sent once these settings are saved; nothing is saved."""
    trial = Trial.of(await request.form())
    steps: list[ProbeStep] = []
    if not draft.problems:
        try:
            tested = await _send(console, visitor, editor, draft, trial)
            steps = [*tested.steps, *_replaced(tested)]
        except (InvalidConfig, Problem) as error:
            draft.problems |= _problems(error)
    if request.headers.get("accept") == "application/json":
        shown = [asdict(step) for step in steps]
        return JSONResponse({"steps": shown, "problems": draft.problems})
    return _page(console, request, visitor, editor, draft, trial=trial, steps=steps)


async def _send(
    console: Console, visitor: Visitor, editor: Editor, draft: Draft, trial: Trial
) -> Tested:
    """Send and record it; raises InvalidConfig or Problem before anything is sent."""
    config, mail = await console.database.run(_prepare, console, editor, draft, trial)
    tested = await connectors.try_out(console.office.plugins, editor.connector, config, mail)
    record = connectors.record_test
    await console.database.run(record, visitor.actor, editor.connector, tested.failed_step)
    return tested


def _prepare(
    session: Session, console: Console, editor: Editor, draft: Draft, trial: Trial
) -> tuple[dict[str, Any], EmailRequest]:
    """Return whole settings, and a mail with sample values in the wording a real one would have."""
    if trial.usage_type not in {*UsageType}:
        raise InvalidConfig("", problems={"usage_type": "is not known"})
    if editor.instance_id is None:
        config = restored(editor.connector, draft.config, None)
    else:
        config = connectors.unsaved(
            session,
            console.office,
            editor.connector,
            draft.config,
            instance_id=editor.instance_id,
        )
    fallback = console.settings.default_locale
    locale, usage_type = trial.locale or fallback, UsageType(trial.usage_type)
    template = custom_template(session, usage_type, locale, fallback)
    to = connectors.sendable_address(trial.to)
    return config, sample_mail(to, usage_type, locale=locale, template=template)


def _replaced(tested: Tested) -> list[ProbeStep]:
    if not tested.replaced:
        return []
    detail = f"The provider replaced {', '.join(tested.replaced)}; nothing saved the new value."
    advice = "Get a fresh one before you save these settings."
    return [ProbeStep(name="settings", ok=False, detail=detail, advice=advice)]


def _problems(error: InvalidConfig | Problem) -> dict[str, str]:
    """Return what is wrong by key path."""
    if isinstance(error, InvalidConfig):
        return dict(error.problems) or {_AS_A_WHOLE: str(error)}
    named = (error.data or {}).get("problems")
    return dict(named) if isinstance(named, dict) else {_AS_A_WHOLE: error.message}


def _page(  # noqa: PLR0913 (what stands on it)
    console: Console,
    request: Request,
    visitor: Visitor,
    editor: Editor,
    draft: Draft,
    *,
    trial: Trial | None = None,
    steps: list[ProbeStep] | None = None,
) -> Response:
    metadata = editor.connector.metadata
    common, rare = draw_for(editor)
    return console.page(
        request,
        "connector.html",
        status_code=422 if draft.problems else 200,
        user=visitor.user,
        editor=editor,
        metadata=metadata,
        common=common,
        rare=rare,
        draft=draft,
        text=draft.text or as_json(draft.config),
        trial=trial or Trial(to=visitor.user.email),
        steps=steps or [],
        usage_types=[(each.value, each.value) for each in UsageType],
        languages=list(LANGUAGES.items()),
        guide=_MARKDOWN.render(metadata.guide or ""),
    )


def draw_for(editor: Editor) -> tuple[list[Any], list[Any]]:
    """Return the fields most people need, and the rest.

    Needed is what the model requires, and what an example of the plugin for some provider fills in.
    """
    fields = draw(editor.connector)
    examples = editor.connector.metadata.example_configs.values()
    needed = {key for example in examples for key in example}
    common = [each for each in fields if each.required or not needed or each.label in needed]
    return common, [each for each in fields if each not in common]
