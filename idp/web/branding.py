"""A deployment's own look: its logo, its colours as CSS custom properties, its style sheet."""

from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from idp.settings import Settings
from idp.web.colors import Color

# Of the backgrounds in pages.css, those on which text is hardest to read.
_LIGHT_PAPER = Color.parse("#eef0f7")
_DARK_PAPER = Color.parse("#262c47")

# An SVG opened by itself is a document: it must not run what an <img> would not.
PICTURE_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
}


def brand_routes(settings: Settings) -> list[Route]:
    """Return the routes of what the settings name; the file names stay on this machine."""
    files = {
        "logo": settings.logo,
        "logo-dark": settings.logo_dark,
        "custom.css": settings.custom_css,
    }
    routes = [
        Route(f"/branding/{name}", partial(_show_file, file))
        for name, file in files.items()
        if file
    ]
    if settings.primary_color:
        routes.append(Route("/branding/colors.css", partial(_show_colors, settings)))
    return routes


def brand_colors(primary: str, primary_dark: str | None) -> str:
    """Return CSS custom properties in which every text has the contrast it needs."""
    light = Color.parse(primary)
    dark = Color.parse(primary_dark) if primary_dark else light.readable_on(_DARK_PAPER)
    tokens = {
        "accent": (light, dark),
        "on-accent": (light.text_on_it(), dark.text_on_it()),
        "link": (light.readable_on(_LIGHT_PAPER), dark.readable_on(_DARK_PAPER)),
    }
    lines = (f"  --{name}: light-dark({a}, {b});\n" for name, (a, b) in tokens.items())
    return f":root {{\n{''.join(lines)}}}\n"


async def _show_file(file: Path, _: Request) -> Response:
    return FileResponse(file, headers=PICTURE_POLICY)


async def _show_colors(settings: Settings, _: Request) -> Response:
    css = brand_colors(settings.primary_color or "", settings.primary_color_dark)
    return Response(css, media_type="text/css")
