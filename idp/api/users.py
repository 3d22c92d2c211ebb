"""People's accounts, as Logto's management API has them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.status import HTTP_204_NO_CONTENT

from idp.administration import users
from idp.administration.users import NewUser, UserChange
from idp.api.bearer import Caller, OfficeDesk
from idp.api.pagination import PAGED, Paged
from idp.api.wire import Answered, Flag, JsonObject, Received, milliseconds
from idp.storage.tables import User

router = APIRouter(prefix="/users", tags=["users"])

Name = Annotated[str, Field(max_length=256)]
Email = Annotated[str, Field(max_length=320)]
Password = Annotated[str, Field(min_length=1, max_length=256)]


class Profile(Received):
    """Standard claims (OIDC Core §5.1) a person may have."""

    family_name: Name | None = None
    given_name: Name | None = None
    middle_name: Name | None = None
    nickname: Name | None = None
    preferred_username: Name | None = None
    profile: Name | None = None
    website: Name | None = None
    gender: Name | None = None
    birthdate: Name | None = None
    zoneinfo: Name | None = None


class Changed(Received):
    """What may be changed about an account; accounts have no user name and no phone number."""

    primary_email: Email | None = None
    name: Name | None = None
    avatar: Annotated[str, Field(max_length=2048)] | None = None
    profile: Profile | None = None
    username: None = None
    primary_phone: None = None

    def claims(self) -> dict[str, str | None]:
        """Return what was sent, by the names of OIDC Core §5.1."""
        sent = self.profile.model_dump(exclude_unset=True) if self.profile else {}
        if "name" in self.model_fields_set:
            sent["name"] = self.name
        if "avatar" in self.model_fields_set:
            sent["picture"] = self.avatar
        return sent


class Created(Changed):
    """An account to be created."""

    primary_email: Email
    password: Password | None = None


class NewPassword(Received):
    """A password that replaces the one there is."""

    password: Password


class Suspension(Received):
    """Whether a person is locked out."""

    is_suspended: Flag


class Account(Answered):
    """An account as Logto shows it."""

    id: str
    username: None = None
    primary_email: str
    primary_phone: None = None
    name: str | None
    avatar: str | None
    custom_data: JsonObject = Field(default_factory=dict)
    identities: JsonObject = Field(default_factory=dict)
    profile: JsonObject
    created_at: int
    updated_at: int
    is_suspended: bool
    has_password: bool


class HasPassword(Answered):
    """Whether a person can sign in with a password."""

    has_password: bool


@router.get("", responses=PAGED)
async def list_users(
    office: OfficeDesk,
    _: Caller,
    paged: Paged,
    search: Annotated[str | None, Query(max_length=320)] = None,
) -> list[Account]:
    """List or search accounts, newest first; `%` in `search` stands for any text."""
    rows, total = await office.database.read(users.users, paged.page, search)
    paged.tell(total)
    return [_account(row) for row in rows]


@router.post("")
async def create_user(office: OfficeDesk, caller: Caller, body: Created) -> Account:
    """Create an account; whoever calls vouches for the address."""
    new = NewUser(
        email=body.primary_email,
        password_hash=await office.passwords.hash(body.password) if body.password else None,
        claims=body.claims(),
    )
    return _account(await office.database.run(users.add_user, caller, new))


@router.get("/{userId}")
async def get_user(office: OfficeDesk, _: Caller, userId: str) -> Account:  # noqa: N803
    """Show an account."""
    return _account(await office.database.read(users.user, userId))


@router.patch("/{userId}")
async def update_user(
    office: OfficeDesk,
    caller: Caller,
    userId: str,  # noqa: N803 (Logto's name of the parameter)
    body: Changed,
) -> Account:
    """Change an account."""
    change = UserChange(email=body.primary_email, claims=body.claims())
    return _account(await office.database.run(users.change_user, caller, userId, change))


@router.delete("/{userId}", status_code=HTTP_204_NO_CONTENT)
async def delete_user(office: OfficeDesk, caller: Caller, userId: str) -> None:  # noqa: N803
    """Delete an account with all that hangs on it."""
    await office.database.run(users.remove_user, caller, office.outbox, userId)


@router.patch("/{userId}/password")
async def update_user_password(
    office: OfficeDesk,
    caller: Caller,
    userId: str,  # noqa: N803 (Logto's name of the parameter)
    body: NewPassword,
) -> Account:
    """Replace a password; the person is signed out everywhere."""
    password_hash = await office.passwords.hash(body.password)
    return _account(
        await office.database.run(
            users.change_password, caller, office.outbox, userId, password_hash
        )
    )


@router.get("/{userId}/has-password")
async def has_password(office: OfficeDesk, _: Caller, userId: str) -> HasPassword:  # noqa: N803
    """Tell whether a person can sign in with a password."""
    found = await office.database.read(users.user, userId)
    return HasPassword(has_password=bool(found.password_hash))


@router.patch("/{userId}/is-suspended")
async def update_user_is_suspended(
    office: OfficeDesk,
    caller: Caller,
    userId: str,  # noqa: N803 (Logto's name of the parameter)
    body: Suspension,
) -> Account:
    """Lock a person out, or let them in again."""
    suspended = body.is_suspended
    return _account(
        await office.database.run(
            users.suspend_user, caller, office.outbox, userId, suspended=suspended
        )
    )


def _account(user: User) -> Account:
    profile = {name: user.claims.get(name) for name in Profile.model_fields}
    return Account(
        id=user.id,
        primary_email=user.email,
        name=user.claims.get("name"),
        avatar=user.claims.get("picture"),
        profile=Profile.model_construct(**profile).model_dump(by_alias=True, exclude_none=True),
        created_at=milliseconds(user.created_at),
        updated_at=milliseconds(user.updated_at),
        is_suspended=user.suspended_at is not None,
        has_password=bool(user.password_hash),
    )
