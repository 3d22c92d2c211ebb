"""Invitations, as far as this server's are Logto's: an organization is a name here."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.status import HTTP_201_CREATED

from idp.administration import invitations
from idp.administration.problems import Refused
from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import Answered, Flag, JsonObject, Received, Whole, milliseconds
from idp.storage.tables import MailedLink, now

router = APIRouter(prefix="/organization-invitations", tags=["organization invitations"])

Status = Literal["Pending", "Accepted", "Expired"]


class Invited(Received):
    """Whom to invite; the mail is always sent, with a link of this server."""

    invitee: Annotated[str, Field(max_length=320)]
    organization_id: Annotated[str, Field(min_length=1, max_length=256)]
    inviter_id: str | None = None
    expires_at: Whole | None = None
    organization_role_ids: Annotated[list[str], Field(max_length=0)] = Field(default_factory=list)
    message_payload: JsonObject | Flag | None = None


class NewStatus(Received):
    """The end of an invitation; accepting is for the person alone."""

    status: Literal["Revoked"]


class Invitation(Answered):
    """An invitation; revoked ones have expired."""

    id: str
    tenant_id: str = "default"
    invitee: str
    inviter_id: None = None
    accepted_user_id: None = None
    organization_id: str
    organization_roles: list[str] = Field(default_factory=list)
    status: Status
    created_at: int
    updated_at: int
    expires_at: int


@router.get("")
async def list_organization_invitations(office: OfficeDesk, _: Caller) -> list[Invitation]:
    """List invitations, newest first."""
    rows = await office.database.read(invitations.invitations)
    return [_invitation(row) for row in rows]


@router.post("", status_code=HTTP_201_CREATED)
async def create_organization_invitation(
    office: OfficeDesk, caller: Caller, body: Invited
) -> Invitation:
    """Invite somebody."""
    if body.message_payload is False:
        raise Refused(
            "organization_invitation.always_mailed",
            "An invitation is its mail: leave messagePayload out.",
        )
    sent = await office.database.run(
        invitations.send_invitation, office, caller, body.invitee, body.organization_id
    )
    return _invitation(sent)


@router.get("/{id}")
async def get_organization_invitation(
    office: OfficeDesk,
    _: Caller,
    id: str,  # noqa: A002
) -> Invitation:
    """Show an invitation."""
    return _invitation(await office.database.read(invitations.invitation, id))


@router.put("/{id}/status")
async def replace_organization_invitation_status(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    body: NewStatus,
) -> Invitation:
    """Revoke an invitation."""
    return _invitation(await office.database.run(invitations.revoke_invitation, caller, id))


def _invitation(row: MailedLink) -> Invitation:
    return Invitation(
        id=row.fingerprint,
        invitee=row.email,
        organization_id=row.organization or "",
        status=_status(row),
        created_at=milliseconds(row.created_at),
        updated_at=milliseconds(row.used_at or row.created_at),
        expires_at=milliseconds(row.expires_at),
    )


def _status(row: MailedLink) -> Status:
    if row.used_at is not None:
        return "Accepted"
    return "Pending" if row.expires_at > now() else "Expired"
