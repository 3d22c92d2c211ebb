"""Sign-in experience and security policy: what is stored, changed by a form that notices others."""

from collections.abc import Sequence

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sign_in_experience import load_experience
from idp.administration.problems import Problem, Stale
from idp.administration.sign_in_experience import ACTION, TARGET, change_experience
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.experience_controls import EXPERIENCE, SECURITY, Group
from idp.console.experience_form import Draft, change_between, is_about
from idp.console.security_facts import facts_of

_STALE = "Somebody else saved since you opened this page. Open it again to see how it is now."
_SAVED = "Saved. The pages people see follow at once."


async def show_experience(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show what holds, wherever it is set."""
    draft = await console.database.run(_load, console)
    return _experience_page(console, request, visitor, draft)


async def submit_experience(console: Console, request: Request, visitor: Visitor) -> Response:
    """Save what was changed."""
    draft = await _submit(console, request, visitor, EXPERIENCE)
    if not draft.problems:
        return see_other(f"{PATH}/sign-in-experience?notice=saved")
    return _experience_page(console, request, visitor, draft)


async def show_security(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show what is in force, and where each of it is set."""
    draft = await console.database.run(_load, console)
    return _security_page(console, request, visitor, draft)


async def submit_security(console: Console, request: Request, visitor: Visitor) -> Response:
    """Save what of it is stored."""
    draft = await _submit(console, request, visitor, SECURITY)
    if not draft.problems:
        return see_other(f"{PATH}/security?notice=saved")
    return _security_page(console, request, visitor, draft)


async def _submit(
    console: Console, request: Request, visitor: Visitor, groups: Sequence[Group]
) -> Draft:
    """Save a form; return it with what is wrong, if anything is."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    before = await console.database.run(_load, console)
    draft = before.typed(groups, form)
    sent = form.get("version", "")
    draft.version = int(sent) if sent.isascii() and sent.isdigit() else -1
    change = change_between(before.values, draft.values)
    if not change:
        return draft
    save, version = change_experience, draft.version
    try:
        with visitor.trying(ACTION, TARGET):
            await console.database.run(save, console.office, visitor.actor, change, version=version)
    except Problem as problem:
        draft.problems = _problems(problem)
    else:
        await console.desk.current.refresh()
    return draft


def _load(session: Session, console: Console) -> Draft:
    return Draft.of(load_experience(session, console.settings))


def _problems(problem: Problem) -> dict[str, str]:
    if isinstance(problem, Stale):
        return {"": _STALE}
    named = (problem.data or {}).get("problems")
    return dict(named) if isinstance(named, dict) else {"": problem.message}


def _experience_page(
    console: Console, request: Request, visitor: Visitor, draft: Draft
) -> Response:
    return _page(console, request, visitor, draft, "experience.html", groups=EXPERIENCE)


def _security_page(console: Console, request: Request, visitor: Visitor, draft: Draft) -> Response:
    facts = facts_of(console.settings, console.office.proofs.limits)
    return _page(console, request, visitor, draft, "security.html", groups=SECURITY, facts=facts)


def _page(
    console: Console,
    request: Request,
    visitor: Visitor,
    draft: Draft,
    template: str,
    **context: object,
) -> Response:
    return console.page(
        request,
        template,
        status_code=422 if draft.problems else 200,
        user=visitor.user,
        draft=draft,
        is_about=is_about,
        notice=_SAVED if "notice" in request.query_params else None,
        **context,
    )
