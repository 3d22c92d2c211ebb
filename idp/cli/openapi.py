"""`idp openapi`: what the management API looks like, for programs."""

import json

import typer


def openapi() -> None:
    """Print the description of the management API (OpenAPI 3.1).

    Example: idp openapi > openapi.json
    """
    from idp.api import create_api

    typer.echo(json.dumps(create_api().openapi(), ensure_ascii=False, indent=2))
