"""`/healthz`, `/readyz`, `/metrics`, `/version`: for load balancers, monitoring and people."""

from functools import partial
from hmac import compare_digest

from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from idp import __version__
from idp.operations import metrics, readiness
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Database


def routes(settings: Settings, database: Database, plugins: Plugins) -> list[Route]:
    """Return the routes that monitoring asks."""
    return [
        Route("/healthz", _healthz),
        Route("/version", _version),
        Route("/readyz", partial(_readyz, settings, database)),
        Route("/metrics", partial(_metrics, settings, database, plugins)),
    ]


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


async def _version(_: Request) -> Response:
    return JSONResponse({"version": __version__})


async def _readyz(settings: Settings, database: Database, request: Request) -> Response:
    found = await readiness.check(database)
    # How delivery is doing tells an outsider which addresses are really written to.
    report = found.report if _may_watch(settings, request) else {}
    status = "ready" if found.is_ready else "unavailable"
    return JSONResponse({"status": status, **report}, 200 if found.is_ready else 503)


async def _metrics(
    settings: Settings, database: Database, plugins: Plugins, request: Request
) -> Response:
    if not _may_watch(settings, request):
        return PlainTextResponse(
            "Set IDP_METRICS_TOKEN, and send it as the bearer token.\n",
            401,
            {"WWW-Authenticate": "Bearer"},
        )
    try:
        snapshot = await database.run(metrics.take)
    except (SQLAlchemyError, OSError):
        return PlainTextResponse("The database cannot be reached; see /readyz.\n", 503)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    body = encode(metrics.Metrics(snapshot, plugins))
    return Response(body, media_type=content_type)


def _may_watch(settings: Settings, request: Request) -> bool:
    """Tell whether somebody may see figures: who knows the token, on loopback everybody."""
    if settings.metrics_token is None:
        return settings.is_loopback
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = settings.metrics_token.get_secret_value()
    return scheme.lower() == "bearer" and compare_digest(given.encode(), expected.encode())
