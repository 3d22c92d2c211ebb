"""The administrator's wording of mails: saved with a look at it, and with a history."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.problems import Invalid, NotFound, Refused, Stale
from idp.administration.template_lint import Finding, lint
from idp.connector_kit import EmailTemplate, InvalidConfig, UsageType
from idp.connector_kit.language_tags import lookup_order
from idp.outbox.notices import Notice
from idp.outbox.wording import save_shipped_templates
from idp.storage.tables import CustomTemplate, CustomTemplateVersion, now

_LANGUAGE_TAG = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}"
)  # RFC 5646 §2.1, the usual ones
_VERSIONS_SHOWN = 50

MailKind = UsageType | Notice
KINDS: Mapping[str, MailKind] = {kind.value: kind for kind in (*UsageType, *Notice)}
"""What there is wording for, by name: mails with a code or a link, and notices."""


@dataclass(frozen=True)
class Key:
    """Which mail in which language."""

    language_tag: str
    usage_type: MailKind

    @classmethod
    def of(cls, language_tag: str, usage_type: str) -> "Key":
        """Check what was sent; raises Invalid naming the field."""
        if not _LANGUAGE_TAG.fullmatch(language_tag):
            raise _invalid("languageTag", "is no language tag such as en or pt-BR")
        if usage_type not in KINDS:
            raise _invalid("templateType", f"is none of {', '.join(KINDS)}")
        return cls(lookup_order(language_tag)[0], KINDS[usage_type])

    @property
    def target(self) -> Target:
        return Target("email-template", self.id)

    @property
    def id(self) -> str:
        """How the API names it."""
        return f"{self.language_tag}:{self.usage_type.value}"

    @classmethod
    def read(cls, template_id: str) -> "Key":
        """Return the key with this id; raises NotFound."""
        language_tag, _, usage_type = template_id.partition(":")
        try:
            return cls.of(language_tag, usage_type)
        except Invalid as error:
            raise NotFound("email template", template_id) from error


@dataclass(frozen=True)
class Filter:
    """Which templates; None is every one."""

    language_tag: str | None = None
    usage_type: str | None = None


@dataclass(frozen=True)
class Saved:
    """A custom template, and what is doubtful about it."""

    row: CustomTemplate
    findings: list[Finding]


def templates(session: Session, wanted: Filter) -> list[CustomTemplate]:
    """Return custom templates by language, then by usage type."""
    statement = select(CustomTemplate).order_by(
        col(CustomTemplate.language_tag), col(CustomTemplate.usage_type)
    )
    if wanted.language_tag is not None:
        statement = statement.where(CustomTemplate.language_tag == wanted.language_tag)
    if wanted.usage_type is not None:
        statement = statement.where(CustomTemplate.usage_type == wanted.usage_type)
    return list(session.exec(statement))


def template(session: Session, key: Key) -> CustomTemplate:
    """Return one custom template; raises NotFound."""
    row = _row(session, key)
    if row is None:
        raise NotFound("email template", key.id)
    return row


def seal_of(session: Session, key: Key) -> str:
    """Return what tells a template as it is now from any other state of it."""
    row = _row(session, key)
    return row.updated_at.isoformat() if row else ""


def save_template(
    session: Session,
    actor: Actor,
    key: Key,
    details: Mapping[str, Any],
    *,
    seal: str | None = None,
) -> Saved:
    """Save a template, whose `details` are those of the kit without the usage type.

    Raises Refused, naming the fields, when no mail could be sent with it; Stale when it is not
    any more what had this `seal`.
    """
    wording, findings = checked(key, details)
    row = _row(session, key, lock=True)
    if seal is not None and seal != seal_of(session, key):
        raise Stale(
            "request.precondition_failed",
            "Somebody else saved it since you opened it; what they wrote is in the history.",
        )
    if row is None:
        row = CustomTemplate(
            language_tag=key.language_tag, usage_type=key.usage_type.value, template={}
        )
    else:
        _begin_history(session, key, row)
    row.template = wording.model_dump(by_alias=True)
    row.updated_at = now()
    session.add(row)
    _keep_version(session, actor, key, row.template)
    audit.record(session, actor, "email-template.save", key.target)
    return Saved(row, findings)


def change_template(session: Session, actor: Actor, key: Key, change: Mapping[str, Any]) -> Saved:
    """Change some details; None removes one. Raises NotFound, Refused."""
    details = {**template(session, key).template, **change}
    return save_template(session, actor, key, details)


def delete_template(session: Session, actor: Actor, key: Key) -> None:
    """Forget a template, so that the connector's own is sent; raises NotFound."""
    row = template(session, key)
    _begin_history(session, key, row)
    _keep_version(session, actor, key, None)
    audit.record(session, actor, "email-template.delete", key.target)
    session.delete(row)


def delete_templates(session: Session, actor: Actor, wanted: Filter) -> int:
    """Forget several; return how many. Raises Refused without any filter."""
    if wanted == Filter():
        raise Refused(
            "connector.email_connector.bulk_deletion_no_filter",
            "Name a languageTag or a templateType: without one, every template would be deleted.",
        )
    rows = templates(session, wanted)
    for row in rows:
        delete_template(session, actor, Key.of(row.language_tag, row.usage_type))
    return len(rows)


def load_shipped(session: Session, actor: Actor, locales: Sequence[str]) -> None:
    """Make the shipped templates of these languages the administrator's own."""
    save_shipped_templates(session, locales)
    audit.record(session, actor, "email-template.load-shipped", details={"languages": [*locales]})


def versions(session: Session, key: Key) -> list[CustomTemplateVersion]:
    """Return what a template said, newest first."""
    version = CustomTemplateVersion
    statement = (
        select(version)
        .where(version.language_tag == key.language_tag, version.usage_type == key.usage_type.value)
        .order_by(col(version.id).desc())
        .limit(_VERSIONS_SHOWN)
    )
    return list(session.exec(statement))


def version_of(session: Session, key: Key, version_id: str) -> CustomTemplateVersion:
    """Return one of them; raises NotFound."""
    version = session.get(CustomTemplateVersion, version_id)
    whose = (key.language_tag, key.usage_type.value)
    if version is None or (version.language_tag, version.usage_type) != whose:
        raise NotFound("version", version_id)
    return version


def restore_version(session: Session, actor: Actor, key: Key, version_id: str) -> Saved:
    """Save what a template said once; raises NotFound, Refused when it was deleted then."""
    version = version_of(session, key, version_id)
    if version.template is None:
        raise Refused("email_template.deleted", "From then on there was no template.")
    return save_template(session, actor, key, version.template)


def checked(key: Key, details: Mapping[str, Any]) -> tuple[EmailTemplate, list[Finding]]:
    """Return a template and what is doubtful about it; raises Refused naming what is wrong."""
    wording = read_wording(key, details)
    findings = lint(wording)
    if problems := {each.field: each.problem for each in findings if each.fatal}:
        raise _refused(problems)
    return wording, findings


def read_wording(key: Key, details: Mapping[str, Any]) -> EmailTemplate:
    """Return a template that may yet be wrong to send; raises Refused when it is none at all."""
    given = {name: value for name, value in details.items() if value is not None}
    try:
        return EmailTemplate.parse({**given, "usageType": key.usage_type.value})
    except InvalidConfig as error:
        raise _refused(error.problems) from error


def _row(session: Session, key: Key, *, lock: bool = False) -> CustomTemplate | None:
    which = (key.language_tag, key.usage_type.value)
    return session.get(CustomTemplate, which, with_for_update=lock or None)


def _begin_history(session: Session, key: Key, row: CustomTemplate) -> None:
    """Keep what was there before the first change with a history."""
    if not versions(session, key):
        _keep_version(session, None, key, row.template)


def _keep_version(
    session: Session, actor: Actor | None, key: Key, wording: Mapping[str, Any] | None
) -> None:
    session.add(
        CustomTemplateVersion(
            language_tag=key.language_tag,
            usage_type=key.usage_type.value,
            template=None if wording is None else dict(wording),
            actor_type=actor.type if actor else None,
            actor_id=actor.id if actor else None,
        )
    )
    session.flush()


def _refused(problems: Mapping[str, str]) -> Refused:
    named = "; ".join(f"{field}: {problem}" for field, problem in problems.items())
    return Refused(
        "email_template.invalid",
        f"The template cannot be used: {named}.",
        data={"problems": dict(problems)},
    )


def _invalid(field: str, problem: str) -> Invalid:
    return Invalid(
        "guard.invalid_input", f"{field}: {problem}.", data={"problems": {field: problem}}
    )
