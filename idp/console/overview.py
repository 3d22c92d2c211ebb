"""The first page: how mail has been doing, and what is left to set up."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from idp.administration.overview import Hour, Overview, overview
from idp.console.console import PATH, Console, Visitor

_BAR = 100
"""Height of the chart, in its own units."""


@dataclass(frozen=True)
class Bar:
    """One hour of the chart."""

    hour: Hour
    sent: float
    failed: float


async def show_overview(console: Console, request: Request, visitor: Visitor) -> Response:
    """Show the last day."""
    seen = await console.database.run(overview, console.finished_hours)
    console.finished_hours = seen.finished_hours
    return console.page(
        request,
        "overview.html",
        user=visitor.user,
        seen=seen,
        bars=_bars(seen),
        height=_BAR,
        checklist=_checklist(console, seen),
    )


def _bars(seen: Overview) -> list[Bar]:
    most = max((hour.sent + hour.failed for hour in seen.hours), default=0) or 1
    return [
        Bar(hour, round(hour.sent * _BAR / most, 1), round(hour.failed * _BAR / most, 1))
        for hour in seen.hours
    ]


def _checklist(console: Console, seen: Overview) -> list[tuple[bool, str, str]]:
    """Return what a deployment needs: whether it is there, what it is, where to do it."""
    is_public = not console.settings.is_loopback
    return [
        (seen.has_connector, "A connector mails leave through", f"{PATH}/connectors"),
        (seen.sent > 0, "A mail sent within the last day", f"{PATH}/deliveries"),
        (seen.has_application, "An application that signs people in", f"{PATH}/applications"),
        (is_public, "A public https address (IDP_ISSUER)", ""),
        (console.settings.support_email is not None, "A support address (IDP_SUPPORT_EMAIL)", ""),
    ]
