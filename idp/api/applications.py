"""Applications and their secrets, as Logto's management API has them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from idp.administration import applications
from idp.administration.applications import ApplicationChange, ApplicationType, NewApplication
from idp.api.bearer import Caller, OfficeDesk
from idp.api.pagination import PAGED, Paged
from idp.api.wire import Answered, Flag, JsonObject, Received, Whole, milliseconds
from idp.storage.tables import Client, ClientSecret

router = APIRouter(prefix="/applications", tags=["applications"])

Name = Annotated[str, Field(min_length=1, max_length=256)]
Uri = Annotated[str, Field(max_length=2048)]
Uris = Annotated[list[Uri], Field(max_length=200)]
Scope = Annotated[str, Field(max_length=4096)]
_LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000)
Moment = Annotated[Whole, Field(ge=0, le=_LATEST)]


class OidcMetadata(Received):
    """Where people may be sent back to."""

    redirect_uris: Uris | None = None
    post_logout_redirect_uris: Uris | None = None
    backchannel_logout_uri: Uri | None = None


class Changed(Received):
    """What may be changed about an application."""

    name: Name | None = None
    description: str | None = None
    oidc_client_metadata: OidcMetadata | None = None
    custom_client_metadata: JsonObject | None = None
    is_third_party: Flag | None = None
    scope: Scope | None = None
    """What it may ask for, separated by spaces; `all` at the management API for a machine."""


class Created(Changed):
    """An application to be registered."""

    name: Name
    type: ApplicationType


class Application(Answered):
    """An application; its `secret` is there only when it was just made."""

    id: str
    tenant_id: str = "default"
    name: str
    secret: str | None = None
    description: None = None
    type: ApplicationType
    oidc_client_metadata: JsonObject
    custom_client_metadata: JsonObject = Field(default_factory=dict)
    is_third_party: bool
    scope: str
    created_at: int


class NewSecret(Received):
    """One more secret; its name is given by the server."""

    name: Name | None = None
    expires_at: Moment | None = None


class Secret(Answered):
    """A secret; its `value` is there only when it was just made."""

    tenant_id: str = "default"
    application_id: str
    name: str
    value: str | None = None
    created_at: int
    expires_at: int | None


@router.get("", responses=PAGED)
async def list_applications(office: OfficeDesk, _: Caller, paged: Paged) -> list[Application]:
    """List applications, newest first."""
    rows, total = await office.database.read(applications.applications, paged.page)
    paged.tell(total)
    return [_application(row) for row in rows]


@router.post("")
async def create_application(office: OfficeDesk, caller: Caller, body: Created) -> Application:
    """Register an application; its secret is shown this once."""
    uris = body.oidc_client_metadata or OidcMetadata()
    new = NewApplication(
        name=body.name,
        type=body.type,
        redirect_uris=uris.redirect_uris or (),
        post_logout_redirect_uris=uris.post_logout_redirect_uris or (),
        backchannel_logout_uri=uris.backchannel_logout_uri,
        third_party=bool(body.is_third_party),
        scope=body.scope,
    )
    client, secret = await office.database.run(applications.add_application, caller, new)
    return _application(client, secret)


@router.get("/{id}")
async def get_application(office: OfficeDesk, _: Caller, id: str) -> Application:  # noqa: A002
    """Show an application."""
    return _application(await office.database.read(applications.application, id))


@router.patch("/{id}")
async def update_application(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    body: Changed,
) -> Application:
    """Change an application."""
    uris = body.oidc_client_metadata or OidcMetadata()
    change = ApplicationChange(
        name=body.name,
        redirect_uris=uris.redirect_uris,
        post_logout_redirect_uris=uris.post_logout_redirect_uris,
        backchannel_logout_uri=uris.backchannel_logout_uri,
        third_party=body.is_third_party,
        scope=body.scope,
    )
    return _application(
        await office.database.run(applications.change_application, caller, id, change)
    )


@router.delete("/{id}", status_code=HTTP_204_NO_CONTENT)
async def delete_application(office: OfficeDesk, caller: Caller, id: str) -> None:  # noqa: A002
    """Forget an application with all it was granted."""
    await office.database.run(applications.remove_application, caller, id)


@router.get("/{id}/secrets")
async def list_application_secrets(
    office: OfficeDesk,
    _: Caller,
    id: str,  # noqa: A002
) -> list[Secret]:
    """List what is known of an application's secrets."""
    rows = await office.database.read(applications.secrets, id)
    return [_secret(row) for row in rows]


@router.post("/{id}/secrets", status_code=HTTP_201_CREATED)
async def create_application_secret(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    body: NewSecret,
) -> Secret:
    """Give an application one more secret; it is shown this once."""
    ends = body.expires_at
    expires_at = None if ends is None else datetime.fromtimestamp(ends / 1000, UTC)
    row, value = await office.database.run(applications.new_secret, caller, id, expires_at)
    return _secret(row, value)


@router.delete("/{id}/secrets/{name}", status_code=HTTP_204_NO_CONTENT)
async def delete_application_secret(
    office: OfficeDesk,
    caller: Caller,
    id: str,  # noqa: A002
    name: str,
) -> None:
    """End a secret at once."""
    await office.database.run(applications.remove_secret, caller, id, name)


def _application(client: Client, secret: str | None = None) -> Application:
    metadata = {
        "redirectUris": client.redirect_uris,
        "postLogoutRedirectUris": client.post_logout_redirect_uris,
        "backchannelLogoutUri": client.backchannel_logout_uri,
    }
    return Application(
        id=client.id,
        name=client.name,
        secret=secret,
        type=applications.type_of(client),
        oidc_client_metadata={name: value for name, value in metadata.items() if value is not None},
        is_third_party=not client.first_party,
        scope=client.scope,
        created_at=milliseconds(client.created_at),
    )


def _secret(row: ClientSecret, value: str | None = None) -> Secret:
    return Secret(
        application_id=row.client_id,
        name=row.id,
        value=value,
        created_at=milliseconds(row.created_at),
        expires_at=milliseconds(row.expires_at) if row.expires_at else None,
    )
