"""`idp messages`: what became of promised mails; never their content."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from idp.cli.workspace import Workspace
    from idp.storage import Secrets
    from idp.storage.tables import DeliveryAttempt, Message, MessageState

app = typer.Typer(help="Promised mails, and what became of them.", no_args_is_help=True)

MessageId = Annotated[str, typer.Argument(metavar="ID")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ShowRecipient = Annotated[bool, typer.Option(help="Print addresses in full.")]

_COLUMNS = ("id", "created_at", "usage_type", "to", "state", "attempts", "reason")
_ATTEMPT = ("number", "connector_id", "outcome", "stage", "reply_code")
_LATE = timedelta(seconds=30)
"""An attempt is not written later than this after it was made."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@app.command("list")
def list_promised(
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; repeatable.")] = None,
    connector: Annotated[str, typer.Option(help="Only sent by this instance, by its id.")] = "",
    usage_type: Annotated[str, typer.Option(help="Only of this kind, such as SignIn.")] = "",
    since: Annotated[str, typer.Option(help="Only from 15m, 2h, 3d ago, or a time, on.")] = "",
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Only to this address.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    *,
    show_recipient: ShowRecipient = False,
    as_json: AsJson = False,
) -> None:
    """List mails, newest first.

    Example: idp messages list --state failed --state expired --since 2h
    """
    from idp.cli.workspace import Workspace, show, work
    from idp.outbox import log
    from idp.storage.secrets import first_id

    states, first = _states(state or []), first_id(_moment(since)) if since else None

    async def rows(workspace: Workspace) -> list[dict[str, Any]]:
        secrets = workspace.secrets
        found = await workspace.database.run(
            log.list_messages,
            states=states,
            usage_type=usage_type or None,
            recipient_hashes=secrets.keyed_hashes("recipient", to.casefold()) if to else (),
            connector_id=connector or None,
            since=first,
            limit=limit,
        )
        return [_row(secrets, message, in_full=show_recipient) for message in found]

    found = work(rows)
    show(found if as_json else [_only(row, _COLUMNS) for row in found], as_json=as_json)


@app.command("show")
def show_one(
    message_id: MessageId, *, show_recipient: ShowRecipient = False, as_json: AsJson = False
) -> None:
    """Show one mail and every attempt to send it.

    Example: idp messages show 019ab3f0-...
    """
    from idp.cli.workspace import Workspace, show, work

    async def look(workspace: Workspace) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        message, attempts = await _find(workspace, message_id)
        row = _row(workspace.secrets, message, in_full=show_recipient)
        return row, [_attempt(attempt) for attempt in attempts]

    row, attempts = work(look)
    if as_json:
        typer.echo(json.dumps({**row, "delivery_attempts": attempts}, ensure_ascii=False, indent=2))
        return
    for name, value in row.items():
        typer.echo(f"{name:18} {'' if value is None else value}".rstrip())
    typer.echo()
    show([_brief(attempt) for attempt in attempts], as_json=False)


@app.command("retry")
def retry(message_id: MessageId) -> None:
    """Send a waiting mail now; or once more one that was perhaps sent.

    What ended otherwise cannot be sent again: its content is gone.

    Example: idp messages retry 019ab3f0-...
    """
    from idp.cli.workspace import Workspace
    from idp.outbox import log, open_carrier

    async def send(workspace: Workspace) -> None:
        carrier = open_carrier(workspace.settings)
        try:
            await workspace.database.run(log.retry_now, message_id, carrier.defer)
        finally:
            await carrier.aclose()

    _act(message_id, send, "Due now")


@app.command("cancel")
def cancel(message_id: MessageId) -> None:
    """End a mail that waits, so that it is never sent.

    Example: idp messages cancel 019ab3f0-...
    """
    from idp.cli.workspace import Workspace
    from idp.outbox import log

    async def end(workspace: Workspace) -> None:
        await workspace.database.run(log.cancel, message_id)

    _act(message_id, end, "Cancelled")


@app.command("tail")
def tail(
    since: Annotated[str, typer.Option(help="Begin 15m, 2h, 3d ago, or at a time.")] = "0s",
    *,
    as_json: AsJson = False,
) -> None:
    """Print every attempt to send a mail as it is made, until Ctrl+C.

    Example: idp messages tail --since 5m
    """
    from idp.cli.workspace import Workspace, work

    async def follow(workspace: Workspace) -> None:
        async for attempt, message in _attempts(workspace, _moment(since)):
            row = {**_attempt(attempt), "message_id": message.id, "usage_type": message.usage_type}
            typer.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))

    with suppress(KeyboardInterrupt):
        work(follow)


async def _attempts(
    workspace: "Workspace", begin: datetime
) -> AsyncIterator[tuple["DeliveryAttempt", "Message"]]:
    """Yield each attempt once, as it is written."""
    import asyncio

    from idp.outbox import log
    from idp.storage.secrets import first_id

    first = first_id(begin)
    seen: set[str] = set()
    while True:
        for attempt, message in await workspace.database.run(log.attempts_since, first):
            if attempt.id not in seen:
                seen.add(attempt.id)
                yield attempt, message
        # Some are written a little late, so the next look begins a while back.
        first = max(first, first_id(datetime.now(UTC) - _LATE))
        seen = {attempt_id for attempt_id in seen if attempt_id >= first}
        await asyncio.sleep(0.5)


def _act(message_id: str, task: Callable[["Workspace"], Awaitable[None]], done: str) -> None:
    """Have an operator's wish done; status 1 when the mail is not in a state for it."""
    from idp.cli.workspace import Workspace, work
    from idp.outbox.log import NotPossible

    async def act(workspace: Workspace) -> None:
        await _find(workspace, message_id)
        await task(workspace)

    try:
        work(act)
    except NotPossible as refusal:
        typer.echo(f"idp: {refusal}", err=True)
        raise typer.Exit(1) from refusal
    typer.echo(f"{done}: {message_id}.")


async def _find(
    workspace: "Workspace", message_id: str
) -> tuple["Message", Sequence["DeliveryAttempt"]]:
    from idp.outbox import log
    from idp.settings import SetupError

    found = await workspace.database.run(log.message_with_attempts, message_id)
    if found is None:
        raise SetupError(f"No mail has the id {message_id}; see `idp messages list`.")
    return found


def _row(secrets: "Secrets", message: "Message", *, in_full: bool) -> dict[str, Any]:
    from idp.outbox.email_channel import EMAIL

    address = secrets.open(message.recipient)
    return {
        "id": message.id,
        "created_at": _time(message.created_at),
        "channel": message.channel,
        "usage_type": message.usage_type,
        "to": address if in_full or message.channel != EMAIL else _masked(address),
        "locale": message.locale,
        "state": message.state.value,
        "attempts": message.attempts,
        "due_at": None if message.ended_at else _time(message.due_at),
        "deadline": _time(message.deadline),
        "ended_at": _time(message.ended_at),
        "connector_id": message.connector_id,
        "provider_id": message.provider_id,
        "saved_by_fallback": message.saved_by_fallback,
        "reason": message.reason,
    }


def _attempt(attempt: "DeliveryAttempt") -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": _time(attempt.started_at, "milliseconds"),
        "seconds": round(attempt.duration, 3),
        "connector_id": attempt.connector_id,
        "outcome": attempt.outcome,
        "stage": attempt.stage,
        "reply_code": attempt.reply_code,
        "enhanced_code": attempt.enhanced_code,
        "reply": attempt.reply,
        "error": attempt.error,
        "transcript": attempt.transcript,
    }


def _brief(attempt: dict[str, Any]) -> dict[str, Any]:
    said = attempt["error"] or attempt["reply"]
    return {"at": _clock(attempt), **_only(attempt, _ATTEMPT), "said": said}


def _line(row: dict[str, Any]) -> str:
    codes = " ".join(str(row[name]) for name in ("reply_code", "enhanced_code") if row[name])
    said = row["error"] or codes or row["reply"] or ""
    parts = (
        _clock(row),
        row["message_id"],
        f"{row['usage_type']:15}",
        f"{row['outcome']:16}",
        f"{row['seconds']:7.3f} s",
        said,
    )
    return "  ".join(parts).rstrip()


def _clock(attempt: dict[str, Any]) -> str:
    return str(attempt["started_at"][11:23])


def _only(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _masked(address: str) -> str:
    """Keep what tells an operator which provider it is about, not who the person is."""
    return f"{address[:1]}***@{address.rpartition('@')[2]}"


def _time(moment: datetime | None, precision: str = "seconds") -> str | None:
    return moment.isoformat(timespec=precision) if moment else None


def _states(names: Sequence[str]) -> list["MessageState"]:
    from idp.settings import SetupError
    from idp.storage.tables import MessageState

    known = {state.value: state for state in MessageState}
    for name in names:
        if name not in known:
            raise SetupError(f"{name} is not a state; known: {', '.join(known)}.")
    return [known[name] for name in names]


def _moment(text: str) -> datetime:
    """Read a duration before now, such as 15m, or a time in ISO 8601."""
    from idp.settings import SetupError

    number, unit = text[:-1], _UNITS.get(text[-1:])
    if unit and number.isdecimal():
        return datetime.now(UTC) - timedelta(**{unit: int(number)})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise SetupError(
            f"--since {text}: give 15m, 2h, 3d, or a time such as 2026-11-21T13:00Z."
        ) from error
