"""Plugins: what is installed, what it brings, and why one is not used."""

from starlette.requests import Request
from starlette.responses import Response

from idp.console.console import Console, Visitor


async def show_plugins(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show every plugin that was found at the start."""
    loaded = console.office.plugins
    names = {key: found.metadata.name["en"] for key, found in loaded.connectors.items()}
    return console.page(
        request, "plugins.html", user=visitor.user, reports=loaded.reports, names=names
    )
