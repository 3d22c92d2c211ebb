"""The installed plugins, and what is wrong with those that are not used."""

from dataclasses import asdict

from fastapi import APIRouter

from idp.api.bearer import Caller, OfficeDesk
from idp.api.wire import Answered

router = APIRouter(prefix="/plugins", tags=["plugins"])


class Plugin(Answered):
    """An installed plugin; `problem` says why it is not used."""

    name: str
    distribution: str | None
    version: str | None
    hooks: list[str]
    connectors: list[str]
    problem: str | None


@router.get("")
async def list_plugins(office: OfficeDesk, _: Caller) -> list[Plugin]:
    """List the installed plugins."""
    return [Plugin.model_validate(asdict(report)) for report in office.plugins.reports]
