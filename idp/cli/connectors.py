"""`idp connectors`: the connector instances mails leave through."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from idp.administration.connectors import Tested
    from idp.connector_kit import EmailRequest, EmailTemplate, ProbeStep, UsageType
    from idp.plugins import ConnectorClass, Plugins
    from idp.storage.tables import Breaker

app = typer.Typer(help="The connector instances mails leave through.", no_args_is_help=True)

Target = Annotated[str, typer.Argument(help="Short name of a connector, such as smtp.")]
ConfigFile = Annotated[Path, typer.Option("--config", help="JSON file, or - for standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_instances(*, as_json: AsJson = False) -> None:
    """List the saved instances in the order of failover, and whether mails go through them.

    Example: idp connectors list --json
    """
    from idp.cli.workspace import Workspace, show, work
    from idp.connectors import list_connectors
    from idp.outbox.log import breakers

    async def rows(workspace: Workspace) -> list[dict[str, Any]]:
        instances = await workspace.database.run(list_connectors)
        states = {row.connector_id: row for row in await workspace.database.run(breakers)}
        describe = _breaker if as_json else _condition
        return [
            _row(workspace.plugins, instance) | describe(states.get(instance.id))
            for instance in instances
        ]

    show(work(rows), as_json=as_json)


@app.command("set")
def set_instance(
    target: Target,
    config: ConfigFile,
    *,
    append: Annotated[bool, typer.Option(help="Add beside the saved one, for failover.")] = False,
) -> None:
    """Save the settings of a connector; a running server uses them for the next mail.

    Example: idp connectors set smtp --config smtp.json
    """
    from idp.administration import connectors
    from idp.administration.audit import Actor
    from idp.cli.workspace import Workspace, work

    async def save(workspace: Workspace) -> str:
        connector = _find(workspace.plugins, target)
        saved = await workspace.database.run(
            connectors.save, workspace, Actor("cli"), connector, _read(config), append=append
        )
        return saved.row.id

    typer.echo(f"Saved {target} as {work(save)}.")


@app.command("remove")
def remove_instance(instance_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Forget a saved instance, unless people could no longer sign up or in without it.

    Example: idp connectors remove 019ab3f0-...
    """
    from idp.administration.audit import Actor
    from idp.administration.connectors import ConnectorInUse, remove_connector
    from idp.cli.workspace import Workspace, work
    from idp.settings import SetupError

    async def remove(workspace: Workspace) -> bool:
        actor = Actor("cli")
        try:
            return await workspace.database.run(remove_connector, workspace, actor, instance_id)
        except ConnectorInUse as error:
            raise SetupError(f"{instance_id} stays. {error}") from error

    if not work(remove):
        raise SetupError(f"No connector instance has the id {instance_id}; see `connectors list`.")
    typer.echo(f"Removed {instance_id}.")


@app.command("example-config")
def example_config(
    target: Target,
    *,
    service: Annotated[str, typer.Option(help="Only what this provider needs.")] = "",
) -> None:
    """Print settings to start from; replace every <placeholder>.

    Example: idp connectors example-config smtp --service gmail > smtp.json
    """
    from idp.plugins import load_plugins
    from idp.settings import SetupError

    metadata = _find(load_plugins(), target).metadata
    config = metadata.example_configs.get(service.lower()) if service else metadata.example_config
    if config is None:
        known = ", ".join(sorted(metadata.example_configs))
        raise SetupError(f"{target} has no example for {service}; known: {known or 'none'}.")
    typer.echo(json.dumps(config, ensure_ascii=False, indent=2))


@app.command("test")
def probe_config(
    target: Target,
    config: ConfigFile,
    to: Annotated[str, typer.Option(help="Address that receives the test mail.")],
    *,
    usage_type: Annotated[str, typer.Option(help="The mail to send, such as SignIn.")] = "Generic",
    locale: Annotated[
        str, typer.Option(help="Send your own saved wording for this language, such as de.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send a test mail with settings that need not be saved, and show each step.

    Example: idp connectors test smtp --config smtp.json --to you@example.com
    """
    import asyncio

    from idp.outbox.sample import sample_mail

    settings = _read(config)
    usage = _usage_type(usage_type)
    template = _saved_template(usage, locale) if locale else None
    request = sample_mail(to, usage, locale=locale or "en", template=template)
    tested = asyncio.run(_try_out(target, settings, request))
    steps = tested.steps
    if as_json:
        typer.echo(json.dumps([asdict(step) for step in steps], indent=2))
    else:
        typer.echo("\n".join(_lines(steps)))
    if tested.replaced:
        _warn(tested.replaced)
    if tested.failed_step:
        raise typer.Exit(1)


async def _try_out(
    target: str, settings: Mapping[str, object], request: "EmailRequest"
) -> "Tested":
    from idp.administration.connectors import try_out
    from idp.plugins import load_plugins

    plugins = load_plugins()
    return await try_out(plugins, _find(plugins, target), settings, request)


def _warn(replaced: Sequence[str]) -> None:
    """Tell that the provider replaced a value, such as a refresh token; the old one may be void."""
    typer.echo(
        f"The provider replaced {', '.join(replaced)} during this test, and nothing saved the new "
        "value: get a fresh one before you save these settings.",
        err=True,
    )


def _usage_type(name: str) -> "UsageType":
    from idp.connector_kit import UsageType
    from idp.settings import SetupError

    try:
        return UsageType(name)
    except ValueError:
        raise SetupError(
            f"No usage type is called {name}; there are {', '.join(UsageType)}."
        ) from None


def _saved_template(usage_type: "UsageType", locale: str) -> "EmailTemplate | None":
    """Choose as for a real mail; None when the connector's own template would be sent."""
    from idp.cli.workspace import Workspace, work
    from idp.outbox.wording import custom_template

    async def choose(workspace: Workspace) -> "EmailTemplate | None":
        fallback = workspace.settings.default_locale
        return await workspace.database.run(custom_template, usage_type, locale, fallback)

    return work(choose)


def _lines(steps: Sequence["ProbeStep"]) -> Iterator[str]:
    """Align names and times; what to do stands on a line of its own."""
    width = max(len(step.name) for step in steps)
    for step in steps:
        mark = "ok  " if step.ok else "FAIL"
        milliseconds = f"{step.seconds * 1000:.0f} ms"
        yield f"{mark}  {step.name:{width}}  {milliseconds:>8}  {step.detail}".rstrip()
        if step.advice:
            yield f"      {step.advice}"


def _row(plugins: "Plugins", instance: Any) -> dict[str, Any]:
    connector = plugins.connectors.get(instance.connector_id)
    return {
        "id": instance.id,
        "connector": instance.connector_id,
        "target": connector.metadata.target if connector else None,
        "version": instance.version,
        "position": instance.position,
        "updated_at": instance.updated_at.isoformat(timespec="seconds"),
    }


def _breaker(row: "Breaker | None") -> dict[str, Any]:
    """Return how an instance is doing, for programs; no row means well."""
    retry_at = row.retry_at if row else None
    return {
        "breaker": row.state.value if row else "closed",
        "failures": row.failures if row else 0,
        "retry_at": retry_at.isoformat(timespec="seconds") if retry_at else None,
        "reason": row.reason if row else None,
    }


def _condition(row: "Breaker | None") -> dict[str, Any]:
    """Return the same for people."""
    from idp.storage.tables import BreakerState

    if row is None or row.state is BreakerState.CLOSED:
        return {"breaker": "works"}
    until = f" until {row.retry_at:%H:%M:%S} UTC" if row.retry_at else ""
    state = "on trial" if row.state is BreakerState.HALF_OPEN else f"resting{until}"
    return {"breaker": f"{state}: {row.reason}" if row.reason else state}


def _find(plugins: "Plugins", target: str) -> "ConnectorClass":
    from idp.administration.connectors import factory
    from idp.administration.problems import Refused
    from idp.settings import SetupError

    try:
        return factory(plugins, target)
    except Refused as refusal:
        raise SetupError(refusal.message) from refusal


def _read(file: Path) -> dict[str, object]:
    from idp.settings import SetupError

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        config = json.loads(text)
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"{file} is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise SetupError(f"{file} must hold one JSON object.")
    return config
