"""`idp demo`: everything at once on this machine."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    port: Annotated[int, typer.Option(help="Port of the server; 0 takes a free one.")] = 8000,
    app_port: Annotated[int, typer.Option(help="Port of the sample application.")] = 9000,
    smtp_port: Annotated[int, typer.Option(help="Port of the mailbox's SMTP server.")] = 1025,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            help="Where everything is kept, to continue after a crash; Ctrl+C removes it.",
        ),
    ] = None,
    *,
    seed: Annotated[bool, typer.Option(help="Create users and the sample application.")] = True,
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Lift the limits on sending, for load tests.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line once everything is ready.")
    ] = False,
) -> None:
    """Run the server with a sample application and a mailbox that catches every mail.

    Example: idp demo --port 8000
    """
    from idp.cli.logs import configure_logs
    from idp.demo.run import DemoOptions, run_demo

    configure_logs(quiet=True)
    options = DemoOptions(
        port=port,
        app_port=app_port,
        smtp_port=smtp_port,
        directory=directory,
        seed=seed,
        json=as_json,
        no_limits=no_limits,
    )
    sys.exit(run_demo(options))
