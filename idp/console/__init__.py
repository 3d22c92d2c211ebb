"""The administrator's console: server-rendered pages, itself an OIDC client of this server."""

from idp.console.console import Console
from idp.console.routes import routes

__all__ = ["Console", "routes"]
