"""What those who run the server see of it: metrics, readiness."""

from idp.operations.routes import routes
from idp.operations.totals import keep_totals

__all__ = ["keep_totals", "routes"]
