"""Deliveries: which mails were promised and what became of them; never what they said."""

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from idp.administration.audit import Target
from idp.administration.deliveries import cancel_delivery, masked_recipient, retry_delivery
from idp.administration.delivery_search import Wanted, search
from idp.administration.problems import Problem
from idp.connector_kit import UsageType
from idp.console.console import PATH, Console, Visitor, see_other
from idp.console.instance_names import instance_names
from idp.outbox.log import message_with_attempts
from idp.storage.tables import MessageState

_FILTERS = ("state", "usage_type", "connector", "to", "since", "until")


async def show_deliveries(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show a page of the log, newest first."""
    asked = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    wanted = _wanted(console, asked, request.query_params.get("before") or None)
    found = await console.database.run(search, wanted)
    return console.page(
        request,
        "deliveries.html",
        user=visitor.user,
        found=found,
        recipients={
            each.id: masked_recipient(console.office.secrets, each) for each in found.messages
        },
        names=await _names(console),
        asked=asked,
        states=[(each.value, each.value) for each in MessageState],
        usage_types=[(each.value, each.value) for each in UsageType],
    )


async def show_delivery(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show one mail and every attempt at it."""
    message_id = request.path_params["message_id"]
    found = await console.database.run(message_with_attempts, message_id)
    if found is None:
        raise HTTPException(404)
    message, attempts = found
    return console.page(
        request,
        "delivery.html",
        user=visitor.user,
        message=message,
        attempts=attempts,
        recipient=masked_recipient(console.office.secrets, message),
        names=await _names(console),
        problem=request.query_params.get("problem"),
        is_open=message.state in {MessageState.PROMISED, MessageState.UNKNOWN},
    )


async def submit_retry(console: Console, request: Request, visitor: Visitor) -> Response:
    """Have a mail delivered at once."""
    given = (visitor.actor, console.office.secrets, console.office.defer)
    return await _done(console, request, visitor, "delivery.retry", retry_delivery, *given)


async def submit_cancellation(console: Console, request: Request, visitor: Visitor) -> Response:
    """End a mail that waits."""
    given = (visitor.actor, console.office.secrets)
    return await _done(console, request, visitor, "delivery.cancel", cancel_delivery, *given)


async def _done(
    console: Console,
    request: Request,
    visitor: Visitor,
    action: str,
    work: Callable[..., object],
    *args: object,
) -> Response:
    message_id = request.path_params["message_id"]
    page = f"{PATH}/deliveries/{message_id}"
    try:
        with visitor.trying(action, Target("delivery", message_id)):
            await console.database.run(work, *args, message_id)
    except Problem:
        return see_other(f"{page}?problem=ended")
    return see_other(page)


def _wanted(console: Console, asked: dict[str, str], before: str | None) -> Wanted:
    hashes = console.office.secrets.keyed_hashes("recipient", asked["to"].casefold())
    states = {each.value: each for each in MessageState}
    return Wanted(
        state=states.get(asked["state"]),
        usage_type=asked["usage_type"] or None,
        connector_id=asked["connector"] or None,
        recipient_hashes=hashes if asked["to"] else (),
        since=_moment(asked["since"]),
        until=_moment(asked["until"]),
        before=before,
    )


def _moment(text: str) -> datetime | None:
    """Read what a date and time control sends, as UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment and moment.replace(tzinfo=UTC)


async def _names(console: Console) -> dict[str, str]:
    return await console.database.run(instance_names, console)
