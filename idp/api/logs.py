"""The audit log, in the shape of Logto's logs."""

from typing import Annotated

from fastapi import APIRouter, Query

from idp.administration import audit
from idp.api.bearer import Caller, OfficeDesk
from idp.api.pagination import PAGED, Paged
from idp.api.wire import Answered, JsonObject, milliseconds
from idp.storage.tables import AuditEntry

router = APIRouter(prefix="/logs", tags=["logs"])

_ACTORS = {"client": "applicationId", "user": "userId"}


class Log(Answered):
    """One thing somebody did, or was refused."""

    id: str
    tenant_id: str = "default"
    key: str
    payload: JsonObject
    created_at: int


@router.get("", responses=PAGED)
async def list_logs(
    office: OfficeDesk,
    _: Caller,
    paged: Paged,
    user_id: Annotated[str | None, Query(alias="userId")] = None,
    application_id: Annotated[str | None, Query(alias="applicationId")] = None,
    log_key: Annotated[str | None, Query(alias="logKey")] = None,
) -> list[Log]:
    """List what was done on the administrator's side, newest first."""
    wanted = audit.Filter(actor_id=user_id or application_id, action=log_key)
    rows, total = await office.database.read(audit.page_of_entries, wanted, paged.page)
    paged.tell(total)
    return [_log(row) for row in rows]


@router.get("/{id}")
async def get_log(office: OfficeDesk, _: Caller, id: str) -> Log:  # noqa: A002
    """Show one entry."""
    return _log(await office.database.read(audit.entry, id))


def _log(entry: AuditEntry) -> Log:
    actor = {_ACTORS[entry.actor_type]: entry.actor_id} if entry.actor_type in _ACTORS else {}
    target = {"type": entry.target_type, "id": entry.target_id} if entry.target_type else None
    return Log(
        id=entry.id,
        key=entry.action,
        payload={
            "key": entry.action,
            "result": "Error" if entry.refused else "Success",
            "ip": entry.ip,
            "target": target,
            "details": entry.details,
            **actor,
        },
        created_at=milliseconds(entry.created_at),
    )
