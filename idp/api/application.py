"""The API as one application: its routers, its errors, its description."""

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from idp import __version__
from idp.administration.office import Office
from idp.api import connectors
from idp.api.bearer import authenticate
from idp.api.errors import HANDLERS, Envelope

_ROUTERS = (connectors.router,)


def create_api(office: Office | None = None) -> FastAPI:
    """Build the API; without an office it can only describe itself."""
    api = FastAPI(
        title="idp management API",
        version=__version__,
        summary="What an administrator does, for programs; in the shapes of Logto's.",
        openapi_url="/openapi.json",
        servers=[{"url": "/api"}],
        root_path_in_servers=False,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        dependencies=[Depends(authenticate)],
        responses={"default": {"model": Envelope, "description": "What was wrong."}},
        generate_unique_id_function=_operation_id,
        exception_handlers=HANDLERS,
        redirect_slashes=False,
    )
    api.state.office = office
    for router in _ROUTERS:
        api.include_router(router)
    return api


def _operation_id(route: APIRoute) -> str:
    return route.name
