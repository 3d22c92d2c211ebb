"""A wording as it is typed, and what an editor starts with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request

from idp.administration import connectors
from idp.administration.email_templates import Key, read_wording, seal_of, version_of
from idp.administration.problems import Invalid, NotFound, Problem
from idp.administration.template_lint import Finding, lint
from idp.administration.template_matrix import Cell, shipped_wording, takes_custom, wordings
from idp.console.console import Console

FIELDS = ("subject", "contentType", "content", "text", "sendFrom", "replyTo")
_OPTIONAL = frozenset({"text", "sendFrom", "replyTo"})


@dataclass
class Draft:
    """What stands in the controls, by the names of the wire."""

    typed: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)
    """Why it was not saved or sent, by field."""
    seal: str | None = None
    """Of what was saved when the editor was opened."""

    @classmethod
    def of(cls, template: Mapping[str, Any]) -> "Draft":
        """Show a template."""
        return cls({name: str(template.get(name) or "") for name in FIELDS})

    @classmethod
    def read(cls, form: Mapping[str, Any]) -> "Draft":
        """Read what was typed, with the line ends a template has."""
        typed = {name: str(form.get(name, "")).replace("\r\n", "\n") for name in FIELDS}
        return cls(typed, seal=form.get("seal"))

    @property
    def details(self) -> dict[str, str | None]:
        """What is saved; a blank that need not be there is not."""
        return {
            name: None if name in _OPTIONAL and not text.strip() else text
            for name, text in self.typed.items()
        }

    def findings(self, key: Key) -> list[Finding]:
        """Return what is wrong or doubtful about it now."""
        try:
            return lint(read_wording(key, self.details))
        except Problem as problem:
            return [Finding(name, text, True) for name, text in problems_of(problem).items()]


def key_of(request: Request) -> Key:
    """Return which wording an address names."""
    try:
        return Key.of(request.path_params["language_tag"], request.path_params["usage_type"])
    except Invalid as problem:
        raise HTTPException(404) from problem


def problems_of(problem: Problem) -> dict[str, str]:
    """Return what is wrong by field; what belongs to none is under the empty name."""
    named = (problem.data or {}).get("problems")
    return dict(named) if isinstance(named, dict) else {"": problem.message}


def current_cell(session: Session, console: Console, key: Key) -> Cell:
    """Return what is sent now by the first connector that takes wording from here."""
    known = connectors.instances(session, console.office)
    first = next((each for each in known if takes_custom(each)), None)
    return wordings(session, console.office, first).cell(key)


def starting_draft(session: Session, console: Console, key: Key, query: Mapping[str, str]) -> Draft:
    """Return what the editor shows first: what is saved, else the shipped wording or what is sent.

    `version` and `from` ask for something else. Raises 404 for a version that is not there.
    """
    draft = Draft.of(_starting_template(session, console, key, query))
    draft.seal = seal_of(session, key)
    return draft


def _starting_template(
    session: Session, console: Console, key: Key, query: Mapping[str, str]
) -> Mapping[str, Any]:
    if "version" in query:
        return _version(session, key, query["version"])
    cell = current_cell(session, console, key)
    wanted = query.get("from") or ("now" if cell.is_own else "shipped")
    shipped = shipped_wording(key)
    chosen = shipped if wanted == "shipped" and shipped else cell.template
    return chosen.model_dump(by_alias=True) if chosen else {}


def _version(session: Session, key: Key, version_id: str) -> Mapping[str, Any]:
    try:
        found = version_of(session, key, version_id).template
    except NotFound as problem:
        raise HTTPException(404) from problem
    if found is None:
        raise HTTPException(404)
    return found
