"""Which wording every kind of mail has in every language, and where an empty cell falls back to."""

from dataclasses import dataclass

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.administration import connectors
from idp.administration.connectors import Instance
from idp.administration.email_templates import KINDS, Key, MailKind
from idp.administration.problems import Problem
from idp.administration.template_matrix import Cell, Wordings, wordings
from idp.connector_kit import UsageType
from idp.console.console import PATH, Console, Visitor
from idp.console.instance_names import instance_names
from idp.web.i18n import LANGUAGES

_NOTICES = {
    "saved": "Saved. The next mail of this kind says it.",
    "deleted": "Deleted. What stands in the cell now is sent instead.",
}


@dataclass(frozen=True)
class Matrix:
    """The wordings of one connector's mails by kind and language."""

    names: dict[str, str]
    """Every connector instance."""
    chosen: str
    wordings: Wordings
    languages: list[str]

    @property
    def rows(self) -> list[tuple[MailKind, list[Cell]]]:
        return [(kind, self.wordings.row(kind, self.languages)) for kind in KINDS.values()]


async def show_templates(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show the matrix of one connector, the first one unless another is named."""
    query = request.query_params
    asked = query.get("language", "").strip()
    extra, problem = _asked_language(asked)
    matrix = await console.database.run(_read, console, query.get("connector", ""), extra)
    return console.page(
        request,
        "templates.html",
        status_code=422 if problem else 200,
        user=visitor.user,
        matrix=matrix,
        language_names=LANGUAGES,
        asked=asked if problem else "",
        problem=problem,
        notice=_NOTICES.get(query.get("notice", "")),
    )


def _asked_language(tag: str) -> tuple[list[str], str | None]:
    """Return a language to show beside the usual ones, or what is wrong with its tag."""
    if not tag:
        return [], None
    try:
        return [Key.of(tag, UsageType.GENERIC).language_tag], None
    except Problem as problem:
        return [], problem.message


def _read(session: Session, console: Console, wanted: str, extra: list[str]) -> Matrix:
    names = instance_names(session, console)
    chosen = wanted if wanted in names else next(iter(names), "")
    found = wordings(session, console.office, _instance(session, console, chosen))
    own = {row.language_tag for row in found.custom}
    languages = [*LANGUAGES, *sorted({*own, *extra} - LANGUAGES.keys())]
    return Matrix(names, chosen, found, languages)


def _instance(session: Session, console: Console, instance_id: str) -> Instance | None:
    if not instance_id:
        return None
    return connectors.instance(session, console.office, instance_id)


def address_of(key: Key) -> str:
    """Return where a wording is edited."""
    return f"{PATH}/templates/{key.language_tag}/{key.usage_type.value}"
