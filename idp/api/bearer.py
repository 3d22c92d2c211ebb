"""Who calls: the client behind the access token (RFC 6750), checked before anything else."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from idp.administration import access, audit
from idp.administration.audit import Actor
from idp.administration.office import Office
from idp.administration.problems import Problem

_SCHEME = HTTPBearer(
    auto_error=False,
    scheme_name="access token",
    description="Of a machine-to-machine client, with the scope `all` at the resource of this API.",
)


_RECORDED = frozenset({403, 404, 409, 412, 422})
"""Statuses that refuse a change; what is not a valid request asks for none."""


class Unauthorized(Problem):
    """No access token, or none that counts."""

    status_code = 401


class Forbidden(Problem):
    """An access token that counts for less than this."""

    status_code = 403


def office_of(request: Request) -> Office:
    """Return what the API works with."""
    office: Office = request.app.state.office
    return office


OfficeDesk = Annotated[Office, Depends(office_of)]


async def authenticate(
    request: Request,
    office: OfficeDesk,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)],
) -> Actor:
    """Return who calls; raises Unauthorized, and Forbidden, of which the audit log is told."""
    if credentials is None:
        raise Unauthorized(
            "auth.authorization_header_missing",
            "Send an access token: `Authorization: Bearer ...`.",
        )
    issuer = office.settings.issuer
    caller = await office.database.read(access.find_caller, issuer, credentials.credentials)
    if caller is None:
        raise Unauthorized("auth.unauthorized", "The access token is unknown or has ended.")
    actor = Actor("client", caller.client_id, request.client.host if request.client else None)
    if not caller.may_administer:
        refused = {"method": request.method, "path": _route(request)}
        await office.database.run(audit.record, actor, "api.call", details=refused, refused=True)
        raise Forbidden(
            "auth.forbidden",
            f"The access token lacks the scope `{access.SCOPE}` of a client that acts for itself.",
        )
    request.state.actor = actor
    return actor


async def record_refusal(request: Request, problem: Problem) -> None:
    """Tell the audit log of a change that somebody who may administer asked for in vain."""
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None or request.method == "GET" or problem.status_code not in _RECORDED:
        return
    ids = {name: str(value)[:100] for name, value in request.path_params.items()}
    details = {"method": request.method, "path": _route(request), "reason": problem.code, **ids}
    database = office_of(request).database
    await database.run(audit.record, actor, "api.call", details=details, refused=True)


def _route(request: Request) -> str:
    """Return the path as the API names it: without ids and addresses."""
    return getattr(request.scope.get("route"), "path", "")


Caller = Annotated[Actor, Depends(authenticate)]
