"""The API as one application: its routers, its errors, its description."""

import re

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from idp import __version__
from idp.administration.office import Office
from idp.api import (
    applications,
    connectors,
    deliveries,
    email_templates,
    logs,
    organization_invitations,
    plugins,
    sign_in_exp,
    users,
    verification_codes,
)
from idp.api.bearer import authenticate
from idp.api.errors import HANDLERS, Envelope
from idp.api.reference import add_reference

_PARTS = (
    connectors,
    email_templates,
    sign_in_exp,
    verification_codes,
    users,
    applications,
    organization_invitations,
    deliveries,
    logs,
    plugins,
)


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
    api.state.routes = [route for part in _PARTS for route in part.router.routes]
    for part in _PARTS:
        api.include_router(part.router)
    add_reference(api)
    return api


def mount_api(office: Office) -> Mount:
    """Return the API below `/api`, whatever follows: a path with a line break is still its own."""
    mount = Mount("/api", create_api(office))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def _operation_id(route: APIRoute) -> str:
    return route.name
