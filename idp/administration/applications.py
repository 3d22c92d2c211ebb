"""Applications, as an administrator registers them; a secret is shown once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic.alias_generators import to_camel
from sqlmodel import Session, col, func, select

from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.overview import CONSOLE
from idp.administration.paging import Page
from idp.administration.problems import NotFound, Refused
from idp.oidc.access_token import save_api
from idp.oidc.client_metadata import ClientMetadata, check_uri
from idp.oidc.clients import add_client, add_secret, remove_client
from idp.storage.tables import Client, ClientSecret

PEOPLES_SCOPE = "openid profile email address phone offline_access"
_WEB = ("https://", "http://")


class ApplicationType(StrEnum):
    """What an application is, in Logto's words."""

    NATIVE = "Native"
    SPA = "SPA"
    TRADITIONAL = "Traditional"
    MACHINE_TO_MACHINE = "MachineToMachine"


@dataclass(frozen=True, kw_only=True)
class NewApplication:
    """An application to be registered."""

    name: str
    type: ApplicationType
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    backchannel_logout_uri: str | None = None
    third_party: bool = False
    scope: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApplicationChange:
    """What shall be different about an application; None leaves it as it is.

    An empty `backchannel_logout_uri` takes it away.
    """

    name: str | None = None
    redirect_uris: Sequence[str] | None = None
    post_logout_redirect_uris: Sequence[str] | None = None
    backchannel_logout_uri: str | None = None
    third_party: bool | None = None
    scope: str | None = None


def type_of(client: Client) -> ApplicationType:
    """Return what an application is, from how it authenticates and where people come back to."""
    if client.token_endpoint_auth_method == "none":
        returns_to_web = any(uri.startswith("https://") for uri in client.redirect_uris)
        return ApplicationType.SPA if returns_to_web else ApplicationType.NATIVE
    if "client_credentials" in client.grant_types and not client.redirect_uris:
        return ApplicationType.MACHINE_TO_MACHINE
    return ApplicationType.TRADITIONAL


def applications(session: Session, page: Page) -> tuple[list[Client], int]:
    """Return applications, newest first, and how many there are."""
    total = session.exec(select(func.count(col(Client.id)))).one()
    order = (col(Client.created_at).desc(), col(Client.id))
    rows = select(Client).order_by(*order).limit(page.size).offset(min(page.offset, total))
    return list(session.exec(rows)), total


def application(session: Session, client_id: str) -> Client:
    """Return an application; raises NotFound."""
    found = session.get(Client, client_id)
    if found is None:
        raise NotFound("application", client_id)
    return found


def add_application(
    session: Session, actor: Actor, new: NewApplication
) -> tuple[Client, str | None]:
    """Register an application; return it with its secret. Raises Refused."""
    _check(
        {
            "name": new.name,
            "redirect_uris": new.redirect_uris,
            "post_logout_redirect_uris": new.post_logout_redirect_uris,
            "backchannel_logout_uri": new.backchannel_logout_uri,
        }
    )
    is_machine = new.type is ApplicationType.MACHINE_TO_MACHINE
    grants = ("client_credentials",) if is_machine else ("authorization_code", "refresh_token")
    metadata = ClientMetadata(
        name=new.name,
        redirect_uris=new.redirect_uris,
        post_logout_redirect_uris=new.post_logout_redirect_uris,
        backchannel_logout_uri=new.backchannel_logout_uri or None,
        public=new.type in {ApplicationType.NATIVE, ApplicationType.SPA},
        grant_types=grants,
        first_party=not new.third_party,
        scope=_scope(new),
    )
    try:
        client, secret = add_client(session, metadata)
    except ValueError as error:
        raise _refused(error) from error
    details = {"type": new.type.value, "scope": client.scope}
    audit.record(session, actor, "application.create", Target("application", client.id), details)
    return client, secret


def register(session: Session, actor: Actor, metadata: ClientMetadata) -> tuple[Client, str | None]:
    """Register an application by its metadata; return it with its secret. Raises ValueError."""
    client, secret = add_client(session, metadata)
    target, details = Target("application", client.id), {"scope": client.scope}
    audit.record(session, actor, "application.create", target, details)
    return client, secret


def change_application(
    session: Session, actor: Actor, client_id: str, change: ApplicationChange
) -> Client:
    """Change an application; raises NotFound, Refused."""
    client = _editable(session, client_id)
    wanted = {
        "name": change.name,
        "redirect_uris": change.redirect_uris,
        "post_logout_redirect_uris": change.post_logout_redirect_uris,
        "backchannel_logout_uri": change.backchannel_logout_uri,
        "first_party": None if change.third_party is None else not change.third_party,
        "scope": change.scope,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    _check(given)
    for name, value in given.items():
        setattr(client, name, list(value) if isinstance(value, tuple) else value)
    client.backchannel_logout_uri = client.backchannel_logout_uri or None
    session.add(client)
    target = Target("application", client_id)
    audit.record(session, actor, "application.update", target, {"changed": sorted(given)})
    return client


def remove_application(session: Session, actor: Actor, client_id: str) -> None:
    """Forget an application with all it was granted; raises NotFound, Refused."""
    remove_client(session, _editable(session, client_id).id)
    audit.record(session, actor, "application.delete", Target("application", client_id))


def secrets(session: Session, client_id: str) -> list[ClientSecret]:
    """Return what is known of an application's secrets, oldest first; raises NotFound."""
    application(session, client_id)
    statement = select(ClientSecret).where(ClientSecret.client_id == client_id)
    return list(session.exec(statement.order_by(col(ClientSecret.id))))


def new_secret(
    session: Session, actor: Actor, client_id: str, expires_at: datetime | None
) -> tuple[ClientSecret, str]:
    """Give an application one more secret; raises NotFound, Refused."""
    application(session, client_id)
    known = {each.id for each in secrets(session, client_id)}
    try:
        secret = add_secret(session, client_id, expires_at=expires_at)
    except ValueError as error:
        raise _refused(error) from error
    session.flush()
    row = next(each for each in secrets(session, client_id) if each.id not in known)
    audit.record(session, actor, "application.secret.create", Target("application", client_id))
    return row, secret


def rotate_secret(
    session: Session,
    actor: Actor,
    client_id: str,
    *,
    expires_at: datetime | None,
    others_expire_at: datetime | None,
) -> str:
    """Give an application one more secret, and say when the others end.

    Raises NotFound, and Refused for one that has none.
    """
    application(session, client_id)
    try:
        secret = add_secret(
            session, client_id, expires_at=expires_at, others_expire_at=others_expire_at
        )
    except ValueError as error:
        raise _refused(error) from error
    audit.record(session, actor, "application.secret.create", Target("application", client_id))
    return secret


def register_api(session: Session, actor: Actor, identifier: str, name: str, scope: str) -> None:
    """Register an API that access tokens are made for, or change it. Raises ValueError."""
    save_api(session, identifier, name, scope)
    audit.record(session, actor, "resource.save", Target("resource", identifier), {"scope": scope})


def remove_secret(session: Session, actor: Actor, client_id: str, secret_id: str) -> None:
    """End a secret at once; raises NotFound."""
    row = session.get(ClientSecret, secret_id)
    if row is None or row.client_id != client_id:
        raise NotFound("secret", secret_id)
    session.delete(row)
    audit.record(session, actor, "application.secret.delete", Target("application", client_id))


def _scope(new: NewApplication) -> str:
    if new.scope is not None:
        return new.scope
    # What tells of a person is nothing for a machine; the rest somebody must say.
    return "" if new.type is ApplicationType.MACHINE_TO_MACHINE else PEOPLES_SCOPE


def _editable(session: Session, client_id: str) -> Client:
    """Return an application that is not part of the server itself; raises NotFound, Refused."""
    found = application(session, client_id)
    if client_id == CONSOLE:
        raise Refused("application.built_in", "The console is part of the server, and stays as is.")
    return found


def _check(given: Mapping[str, object]) -> None:
    """Raise Refused with every problem by its field, as the API names it."""
    uris = ("redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri")
    problems = {name: _problem_of_uris(given.get(name)) for name in uris}
    called = str(given.get("backchannel_logout_uri") or "")
    if called and not problems["backchannel_logout_uri"] and not called.startswith(_WEB):
        problems["backchannel_logout_uri"] = f"{called} must begin with https://."
    name = given.get("name")
    if isinstance(name, str) and not name.strip():
        problems["name"] = "An application needs a name that people can read."
    found = {to_camel(field): problem for field, problem in problems.items() if problem}
    if found:
        message = " ".join(found.values())
        raise Refused("application.invalid", message, data={"problems": found})


def _problem_of_uris(value: object) -> str:
    try:
        for uri in _texts(value):
            check_uri(uri)
    except ValueError as error:
        return str(error)
    return ""


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def _refused(error: ValueError) -> Refused:
    return Refused("application.invalid", str(error))
