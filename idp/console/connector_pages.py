"""Connectors: what is installed, what is saved and in which order; settings, guide and test."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from markdown_it import MarkdownIt
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.administration import instances
from idp.connector_kit import EmailRequest, InvalidConfig, ProbeStep, UsageType
from idp.connectors import list_connectors
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.settings_form import Draft, as_json, draw, read
from idp.outbox.log import breakers
from idp.outbox.sample import sample_mail
from idp.outbox.wording import custom_template
from idp.plugins import ConnectorClass
from idp.storage.tables import Breaker, Connector
from idp.web.i18n import LANGUAGES

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_NOT_JSON = "config"


@dataclass(frozen=True)
class Editor:
    """The settings of one connector class, saved ones or new ones."""

    connector: ConnectorClass
    instance: Connector | None
    saved: dict[str, Any]
    as_json: bool = False

    @property
    def known(self) -> dict[str, Any]:
        """Return the saved settings as they may be shown."""
        return instances.without_secrets(self.connector, self.saved)


@dataclass(frozen=True)
class Trial:
    """A test mail: to whom, which kind, in which language."""

    to: str = ""
    usage_type: str = UsageType.GENERIC.value
    locale: str = ""

    @classmethod
    def of(cls, form: FormData) -> "Trial":
        named = ("to", "usage_type", "locale")
        return cls(*(str(form.get(name, "")).strip() for name in named))


async def show_connectors(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show what is saved, in the order of failover, and what could be."""
    rows, states = await console.database.run(_saved)
    return console.page(
        request,
        "connectors.html",
        user=visitor.user,
        rows=rows,
        states=states,
        connectors=console.plugins.connectors,
        notice=_NOTICES.get(request.query_params.get("notice", "")),
    )


async def show_new(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show settings to start from: the example, or that of one provider."""
    editor = _new(console, request)
    metadata = editor.connector.metadata
    service = request.query_params.get("service", "")
    example = metadata.example_configs.get(service, metadata.example_config)
    editor = replace(editor, as_json=request.query_params.get("as") == "json")
    return _editor_page(console, request, visitor, editor, Draft(dict(example)))


async def show_instance(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show saved settings; secrets are never among them."""
    editor = await _open(console, request)
    editor = replace(editor, as_json=request.query_params.get("as") == "json")
    return _editor_page(console, request, visitor, editor, Draft(editor.known))


async def submit_settings(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show the other form of the same settings, try them out or save them."""
    form = await request.form()
    is_new = "connector_id" in request.path_params
    editor = _new(console, request) if is_new else await _open(console, request)
    editor = replace(editor, as_json=form.get("mode") == "json")
    draft = _draft(editor, form)
    match form.get("do"):
        case "test":
            return await _try_out(console, request, visitor, editor, draft)
        case "save":
            return await _save(console, request, visitor, editor, draft)
    if _NOT_JSON not in draft.problems:
        editor = replace(editor, as_json=form.get("do") == "json")
    return _editor_page(console, request, visitor, editor, draft)


async def submit_move(console: Console, request: Request, visitor: Visitor) -> Response:
    """Let an instance send before or after its neighbour."""
    form = await request.form()
    instance_id, by = request.path_params["instance_id"], 1 if form.get("to") == "later" else -1
    await console.database.run(instances.move_instance, instance_id, by, visitor.actor)
    return see_other(f"{PATH}/connectors?notice=moved")


async def submit_removal(console: Console, request: Request, visitor: Visitor) -> Response:
    """Forget an instance, unless it is needed."""
    instance_id = request.path_params["instance_id"]
    removed = await console.database.run(instances.remove_instance, instance_id, visitor.actor)
    return see_other(f"{PATH}/connectors?notice={'removed' if removed else 'in-use'}")


_NOTICES = {
    "saved": "Saved. The next mail leaves with these settings.",
    "moved": "The order is changed.",
    "removed": "Removed.",
    "in-use": "It is in use: without it no code could be mailed. Add another connector first.",
}


def _saved(session: Session) -> tuple[list[Connector], dict[str, Breaker]]:
    return list_connectors(session), {row.connector_id: row for row in breakers(session)}


def _new(console: Console, request: Request) -> Editor:
    connector = console.plugins.connectors.get(request.path_params["connector_id"])
    if connector is None:
        raise HTTPException(404)
    return Editor(connector, None, {})


async def _open(console: Console, request: Request) -> Editor:
    instance_id = request.path_params["instance_id"]
    instance = await console.database.run(instances.find_instance, instance_id)
    if instance is None:
        raise HTTPException(404)
    connector = console.plugins.connectors.get(instance.connector_id)
    if connector is None:
        raise HTTPException(404)
    return Editor(connector, instance, console.secrets.open_json(instance.config))


def _draft(editor: Editor, form: FormData) -> Draft:
    if not editor.as_json:
        return read(draw(editor.connector), form, editor.known)
    text = str(form.get("config", ""))
    try:
        config = json.loads(text)
    except ValueError as error:
        return Draft({}, {_NOT_JSON: f"is not JSON: {error}"}, text=text)
    if not isinstance(config, dict):
        return Draft({}, {_NOT_JSON: "must be one JSON object"}, text=text)
    return Draft(config)


async def _try_out(
    console: Console, request: Request, visitor: Visitor, editor: Editor, draft: Draft
) -> Response:
    """Send a mail as it would be sent once these settings are saved; nothing is saved."""
    trial = Trial.of(await request.form())
    steps: list[ProbeStep] = []
    try:
        mail = await _mail(console, trial)
        config = _config(editor, draft)
        metadata = editor.connector.metadata
        steps = await instances.try_settings(console.plugins, metadata.id, config, mail)
        ok = all(step.ok for step in steps)
        instance_id = editor.instance.id if editor.instance else None
        await console.database.run(
            instances.record_trial, visitor.actor, metadata.id, instance_id, ok=ok
        )
    except InvalidConfig as error:
        draft.problems |= error.problems or {"config": str(error)}
    if request.headers.get("accept") == "application/json":
        shown = [asdict(step) for step in steps]
        return JSONResponse({"steps": shown, "problems": draft.problems})
    return _editor_page(console, request, visitor, editor, draft, trial=trial, steps=steps)


async def _mail(console: Console, trial: Trial) -> EmailRequest:
    """Return a mail with sample values in the wording a real one would have."""
    fallback = console.settings.default_locale
    locale = trial.locale or fallback
    try:
        usage_type = UsageType(trial.usage_type)
    except ValueError as error:
        raise InvalidConfig("", problems={"usage_type": "is not known"}) from error
    if trial.to.count("@") != 1:
        raise InvalidConfig("", problems={"to": "must be one address, such as you@example.com"})
    template = await console.database.run(custom_template, usage_type, locale, fallback)
    return sample_mail(trial.to, usage_type, locale=locale, template=template)


async def _save(
    console: Console, request: Request, visitor: Visitor, editor: Editor, draft: Draft
) -> Response:
    try:
        config = _config(editor, draft)
        if editor.instance is None:
            await console.database.run(
                instances.create_instance, console.secrets, editor.connector, config, visitor.actor
            )
        else:
            await console.database.run(
                instances.change_instance,
                console.secrets,
                editor.connector,
                editor.instance.id,
                config,
                visitor.actor,
            )
    except InvalidConfig as error:
        draft.problems |= error.problems or {"config": str(error)}
        return _editor_page(console, request, visitor, editor, draft)
    return see_other(f"{PATH}/connectors?notice=saved")


def _config(editor: Editor, draft: Draft) -> dict[str, Any]:
    """Return the settings a draft stands for; raises InvalidConfig."""
    if draft.problems:
        raise InvalidConfig("", problems=draft.problems)
    return instances.with_secrets(draft.config, editor.saved)


def _editor_page(  # noqa: PLR0913 (what stands on it)
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
    return console.page(
        request,
        "connector.html",
        status_code=422 if draft.problems else 200,
        user=visitor.user,
        editor=editor,
        metadata=metadata,
        fields=draw(editor.connector),
        draft=draft,
        text=draft.text or as_json(draft.config),
        trial=trial or Trial(to=visitor.user.email),
        steps=steps or [],
        usage_types=[(each.value, each.value) for each in UsageType],
        languages=list(LANGUAGES.items()),
        guide=_MARKDOWN.render(metadata.guide or ""),
    )
