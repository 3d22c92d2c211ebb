"""Who did what, when and from where."""

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from idp.administration.audit import Filter, entries
from idp.console.console import Console, Visitor
from idp.storage.tables import AuditEntry, User

_PAGE = 50


async def show_audit_log(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show the newest entries, or those after the page before."""
    query = request.query_params
    action, before = query.get("action") or None, query.get("before") or None
    found, people = await console.database.run(_read, Filter(action=action, before=before))
    return console.page(
        request,
        "audit_log.html",
        user=visitor.user,
        entries=found[:_PAGE],
        people=people,
        action=action or "",
        older=found[_PAGE - 1].id if len(found) > _PAGE else None,
    )


def _read(session: Session, wanted: Filter) -> tuple[list[AuditEntry], dict[str, str]]:
    found = entries(session, wanted, _PAGE + 1)
    ids = {entry.actor_id for entry in found if entry.actor_type == "user" and entry.actor_id}
    named = select(User.id, User.email).where(col(User.id).in_(ids))
    return found, dict(session.exec(named).all())
