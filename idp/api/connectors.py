"""Connectors and connector factories, as Logto's management API has them."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlmodel import Session
from starlette.status import HTTP_204_NO_CONTENT

from idp.administration import connectors
from idp.administration.audit import Actor
from idp.administration.connector_form import FormItem, form_items
from idp.administration.connectors import Instance, Tested
from idp.administration.office import Office
from idp.administration.problems import Invalid, NotFound
from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import Answered, JsonObject, Received
from idp.connector_kit import UsageType
from idp.outbox.sample import sample_mail
from idp.outbox.wording import custom_template
from idp.plugins import ConnectorClass

router = APIRouter(tags=["connectors"])


class FormField(Answered):
    """One key of a connector's settings, for who draws a form."""

    key: str
    type: str
    label: str
    required: bool
    description: str | None = None
    placeholder: str | None = None
    default_value: Any = None
    select_items: list[dict[str, str]] | None = None
    is_confidential: bool


class Factory(Answered):
    """A connector that an installed plugin provides."""

    id: str
    target: str
    type: str = "Email"
    platform: None = None
    name: dict[str, str]
    description: dict[str, str]
    logo: str
    logo_dark: str | None = None
    readme: str
    config_template: JsonObject
    form_items: list[FormField]
    is_standard: bool = False
    capabilities: list[str]


class Breaker(Answered):
    """Whether mails are given to an instance."""

    state: str
    failures: int
    reason: str | None


class ConnectorInstance(Factory):
    """A connector with saved settings; in the place of each secret stands a sentinel."""

    connector_id: str
    config: JsonObject
    metadata: JsonObject = Field(default_factory=dict)
    sync_profile: bool = False
    enable_token_storage: bool = False
    is_demo: bool = False
    position: int
    version: int
    breaker: Breaker


class NewConnector(Received):
    """Settings for a connector; `metadata` is for social connectors, which there are none of."""

    connector_id: str
    config: JsonObject = Field(default_factory=dict)
    metadata: None = None
    sync_profile: bool = False
    enable_token_storage: bool = False


class ConnectorChange(Received):
    """Keys to change; null removes a key, the sentinel leaves a secret as it is."""

    config: JsonObject = Field(default_factory=dict)
    metadata: None = None
    sync_profile: bool | None = None
    enable_token_storage: bool | None = None
    position: Annotated[int | None, Field(ge=0, le=1000)] = None
    """The place in the order of failover; the first sends first."""


class TestMail(Received):
    """Where a test mail goes, and with which settings."""

    email: Annotated[str, Field(max_length=320)] | None = None
    phone: None = None
    config: JsonObject
    locale: Annotated[str, Field(max_length=35)] | None = None
    usage_type: UsageType = UsageType.GENERIC


class Step(Answered):
    """One step of a test mail."""

    name: str
    ok: bool
    seconds: float
    detail: str
    advice: str | None


class Explained(Answered):
    """What a test mail went through."""

    ok: bool
    steps: list[Step]
    replaced: list[str]


@router.get("/connectors")
async def list_connectors(
    office: OfficeDesk, _: Caller, target: str | None = None
) -> list[ConnectorInstance]:
    """List the saved connectors in the order of failover."""
    found = await office.database.read(connectors.instances, office)
    shown = [_instance(each) for each in found]
    return [each for each in shown if target in {None, each.target}]


@router.post("/connectors")
async def create_connector(
    office: OfficeDesk,
    caller: Caller,
    body: NewConnector,
    append: Annotated[bool, Query(description="Add beside those there are.")] = False,
) -> ConnectorInstance:
    """Save a connector, in place of one of the same factory."""
    connector = connectors.factory(office.plugins, body.connector_id)
    saved = await office.database.run(
        connectors.save, office, caller, connector, body.config, append=append
    )
    return _instance(saved)


@router.get("/connectors/{id}")
async def get_connector(office: OfficeDesk, _: Caller, id: str) -> ConnectorInstance:  # noqa: A002
    """Show a saved connector."""
    return _instance(await office.database.read(connectors.instance, office, id))


@router.patch("/connectors/{id}")
async def update_connector(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    body: ConnectorChange,
) -> ConnectorInstance:
    """Change some settings of a saved connector, or its place in the order of failover."""
    return _instance(await office.database.run(_change, office, caller, id, body))


@router.delete("/connectors/{id}", status_code=HTTP_204_NO_CONTENT)
async def delete_connector(office: OfficeDesk, caller: Caller, id: str) -> None:  # noqa: A002
    """Forget a saved connector."""
    await office.database.run(_remove, office, caller, id)


@router.post(
    "/connectors/{factoryId}/test",
    status_code=HTTP_204_NO_CONTENT,
    responses={200: {"model": Explained, "description": "The steps, with `explain`."}},
    response_model=None,
)
async def send_test_mail(
    office: OfficeDesk,
    caller: Caller,
    factoryId: str,  # noqa: N803 (Logto's name of the parameter)
    body: TestMail,
    explain: Annotated[bool, Query(description="Answer with the steps.")] = False,
) -> Response | Explained:
    """Send a test mail with settings that need not be saved."""
    connector = _factory_to_test(office, factoryId)
    to = connectors.sendable_address(body.email or "")
    config = await office.database.read(connectors.unsaved, office, connector, body.config)
    template = None
    if body.locale:
        fallback = office.settings.default_locale
        template = await office.database.read(
            custom_template, body.usage_type, body.locale, fallback
        )
    mail = sample_mail(to, body.usage_type, locale=body.locale or "en", template=template)
    tested = await connectors.try_out(office.plugins, connector, config, mail)
    await office.database.run(connectors.record_test, caller, connector, tested.failed_step)
    return _answer(tested, explain=explain)


@router.get("/connector-factories")
async def list_connector_factories(office: OfficeDesk, _: Caller) -> list[Factory]:
    """List the connectors that installed plugins provide."""
    return [Factory(**_factory(each)) for each in office.plugins.connectors.values()]


@router.get("/connector-factories/{id}")
async def get_connector_factory(office: OfficeDesk, _: Caller, id: str) -> Factory:  # noqa: A002
    """Show a connector that an installed plugin provides."""
    connector = office.plugins.connectors.get(id)
    if connector is None:
        raise NotFound("connector factory", id)
    return Factory(**_factory(connector))


def _change(
    session: Session, office: Office, actor: Actor, instance_id: str, body: ConnectorChange
) -> Instance:
    if body.position is not None:
        connectors.move(session, actor, instance_id, body.position)
    return connectors.change(session, office, actor, instance_id, body.config)


def _remove(session: Session, office: Office, actor: Actor, instance_id: str) -> None:
    if not connectors.remove_connector(session, office, actor, instance_id):
        raise NotFound("connector", instance_id)


def _factory_to_test(office: Office, factory_id: str) -> ConnectorClass:
    connector = office.plugins.connectors.get(factory_id)
    if connector is None:
        raise Invalid("connector.not_found", f"No installed plugin provides {factory_id}.")
    return connector


def _answer(tested: Tested, *, explain: bool) -> Response | Explained:
    failed = tested.failed_step
    if explain:
        steps = [Step(**asdict(step)) for step in tested.steps]
        return Explained(ok=failed is None, steps=steps, replaced=list(tested.replaced))
    if failed is not None:
        code = "connector.authorization_failed" if failed.name == "auth" else "connector.general"
        message = f"The step {failed.name!r} failed. {failed.advice or failed.detail}".strip()
        raise Invalid(code, message, data={"step": failed.name})
    return Response(status_code=HTTP_204_NO_CONTENT)


def _instance(found: Instance) -> ConnectorInstance:
    row, breaker = found.row, found.breaker
    described = _factory(found.connector) if found.connector else _missing(row.connector_id)
    return ConnectorInstance(
        **described | {"id": row.id},
        connector_id=row.connector_id,
        config=dict(found.config),
        position=row.position,
        version=row.version,
        breaker=Breaker(
            state=breaker.state.value if breaker else "closed",
            failures=breaker.failures if breaker else 0,
            reason=breaker.reason if breaker else None,
        ),
    )


def _factory(connector: ConnectorClass) -> JsonObject:
    metadata = connector.metadata
    return {
        "id": metadata.id,
        "target": metadata.target,
        "name": dict(metadata.name),
        "description": dict(metadata.description),
        "logo": metadata.logo or "",
        "readme": metadata.guide or "",
        "config_template": dict(metadata.example_config),
        "form_items": [_field(item) for item in form_items(connector)],
        "capabilities": sorted(metadata.capabilities),
    }


def _missing(connector_id: str) -> JsonObject:
    """Describe a connector whose plugin is not installed any more."""
    texts = {"en": connector_id}
    return {
        "id": connector_id,
        "target": connector_id,
        "name": texts,
        "description": texts,
        "logo": "",
        "readme": "",
        "config_template": {},
        "form_items": [],
        "capabilities": [],
    }


def _field(item: FormItem) -> FormField:
    options = [{"value": option, "title": option} for option in item.options]
    return FormField(
        key=item.key,
        type=item.widget,
        label=item.label,
        required=item.required,
        description=item.description,
        placeholder=item.example if isinstance(item.example, str) else None,
        default_value=item.default,
        select_items=options or None,
        is_confidential=item.is_confidential,
    )
