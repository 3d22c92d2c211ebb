"""Email templates, as Logto's management API has them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlmodel import Session
from starlette.status import HTTP_204_NO_CONTENT

from idp.administration import email_templates
from idp.administration.audit import Actor
from idp.administration.email_templates import Filter, Key, MailKind, Saved
from idp.administration.template_lint import Finding
from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import Answered, JsonObject, Received, milliseconds
from idp.storage.tables import CustomTemplate, CustomTemplateVersion

router = APIRouter(prefix="/email-templates", tags=["email templates"])

Text = Annotated[str, Field(max_length=256 * 1024)]
LanguageTag = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")]
Wanted = Annotated[LanguageTag | None, Query(alias="languageTag")]
WantedType = Annotated[MailKind | None, Query(alias="templateType")]


class Change(Received):
    """Details to change; null removes one that need not be there."""

    subject: Text | None = None
    content: Text | None = None
    content_type: str | None = None
    text: Text | None = None
    send_from: str | None = None
    reply_to: str | None = None


class Details(Change):
    """The wording itself."""

    subject: Text
    content: Text


class NewTemplate(Received):
    """A wording for one kind of mail in one language."""

    language_tag: LanguageTag
    template_type: MailKind
    details: Details


class NewTemplates(Received):
    """Several at once: all of them are saved, or none."""

    templates: Annotated[list[NewTemplate], Field(min_length=1, max_length=1000)]


class Warned(Answered):
    """Something doubtful about one field."""

    field: str
    problem: str


class Template(Answered):
    """A saved wording."""

    id: str
    tenant_id: str = "default"
    language_tag: str
    template_type: str
    details: JsonObject
    created_at: int
    warnings: list[Warned] | None = None


class Deleted(Answered):
    """How many were deleted."""

    row_count: int


class Version(Answered):
    """What a template said from a moment on; no details: it was deleted then."""

    id: str
    details: JsonObject | None
    actor_type: str | None
    actor_id: str | None
    created_at: int


@router.get("", response_model_exclude_none=True)
async def list_email_templates(
    office: OfficeDesk, _: Caller, language_tag: Wanted = None, template_type: WantedType = None
) -> list[Template]:
    """List the custom templates."""
    wanted = Filter(language_tag, template_type)
    rows = await office.database.read(email_templates.templates, wanted)
    return [_template(row) for row in rows]


@router.put("", response_model_exclude_none=True)
async def replace_email_templates(
    office: OfficeDesk, caller: Caller, body: NewTemplates
) -> list[Template]:
    """Save templates, each in place of the one of its kind and language."""
    saved = await office.database.run(_save, caller, body.templates)
    return [_template(each.row, each.findings) for each in saved]


@router.delete("")
async def delete_email_templates(
    office: OfficeDesk,
    caller: Caller,
    language_tag: Wanted = None,
    template_type: WantedType = None,
) -> Deleted:
    """Delete the templates of a language or of a kind; one of the two must be named."""
    wanted = Filter(language_tag, template_type)
    rows = await office.database.run(email_templates.delete_templates, caller, wanted)
    return Deleted(row_count=rows)


@router.get("/{id}", response_model_exclude_none=True)
async def get_email_template(office: OfficeDesk, _: Caller, id: str) -> Template:  # noqa: A002
    """Show a custom template."""
    return _template(await office.database.read(email_templates.template, Key.read(id)))


@router.delete("/{id}", status_code=HTTP_204_NO_CONTENT)
async def delete_email_template(office: OfficeDesk, caller: Caller, id: str) -> None:  # noqa: A002
    """Delete a custom template; the connector's own is sent from then on."""
    await office.database.run(email_templates.delete_template, caller, Key.read(id))


@router.patch("/{id}/details", response_model_exclude_none=True)
async def update_email_template_details(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    body: Change,
) -> Template:
    """Change some details of a custom template."""
    change = body.model_dump(by_alias=True, exclude_unset=True)
    saved = await office.database.run(email_templates.change_template, caller, Key.read(id), change)
    return _template(saved.row, saved.findings)


@router.get("/{id}/versions")
async def list_email_template_versions(
    office: OfficeDesk,
    _: Caller,
    id: str,  # noqa: A002
) -> list[Version]:
    """List what a custom template said, newest first."""
    rows = await office.database.read(email_templates.versions, Key.read(id))
    return [_version(row) for row in rows]


@router.post("/{id}/versions/{versionId}/restore", response_model_exclude_none=True)
async def restore_email_template_version(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    versionId: str,  # noqa: N803 (as the other parameters are spelt)
) -> Template:
    """Save again what a custom template said once."""
    saved = await office.database.run(
        email_templates.restore_version, caller, Key.read(id), versionId
    )
    return _template(saved.row, saved.findings)


def _save(session: Session, actor: Actor, wanted: Sequence[NewTemplate]) -> list[Saved]:
    return [
        email_templates.save_template(
            session,
            actor,
            Key.of(each.language_tag, each.template_type),
            each.details.model_dump(by_alias=True, exclude_unset=True),
        )
        for each in wanted
    ]


def _template(row: CustomTemplate, findings: Sequence[Finding] = ()) -> Template:
    warned = [Warned(field=each.field, problem=each.problem) for each in findings]
    return Template(
        id=Key.of(row.language_tag, row.usage_type).id,
        language_tag=row.language_tag,
        template_type=row.usage_type,
        details=_details(row.template),
        created_at=milliseconds(row.updated_at),
        warnings=warned or None,
    )


def _version(row: CustomTemplateVersion) -> Version:
    return Version(
        id=row.id,
        details=None if row.template is None else _details(row.template),
        actor_type=row.actor_type,
        actor_id=row.actor_id,
        created_at=milliseconds(row.created_at),
    )


def _details(template: dict[str, Any]) -> JsonObject:
    return {
        name: value for name, value in template.items() if name != "usageType" and value is not None
    }
