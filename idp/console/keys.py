"""Keys: what signs tokens, what verifies them, and the change of both."""

import json

from starlette.requests import Request
from starlette.responses import Response

from idp.administration.keys import rotate, rotated_lately
from idp.administration.problems import Problem
from idp.console.console import PATH, Console, Visitor, see_other
from idp.oidc.keys import list_keys
from idp.storage.tables import now


async def show_keys(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show every key, and what of it is published."""
    return await _page(console, request, visitor)


async def submit_rotation(console: Console, request: Request, visitor: Visitor) -> Response:
    """Let the next keys sign; this process does so at once, others within a minute."""
    early = "early" in await request.form()
    try:
        with visitor.trying("key.rotate"):
            given = (visitor.actor, console.office.secrets)
            await console.database.run(rotate, *given, early=early)
    except Problem as problem:
        return await _page(console, request, visitor, problem=problem.message)
    await console.provider.refresh_keys(at_once=True)
    return see_other(f"{PATH}/keys?rotated")


async def _page(
    console: Console, request: Request, visitor: Visitor, *, problem: str | None = None
) -> Response:
    keys = await console.database.read(list_keys)
    await console.provider.refresh_keys()
    moment = now()
    return console.page(
        request,
        "keys.html",
        status_code=422 if problem else 200,
        user=visitor.user,
        keys=[(key, (moment - key.created_at).days) for key in keys],
        is_early=rotated_lately(keys),
        jwks=json.dumps(console.provider.keys.jwks, indent=2),
        secret_keys=len(console.settings.secret_keys),
        has_rotated="rotated" in request.query_params,
        problem=problem,
    )
