"""A deployment's own look: its logo, its colours as CSS custom properties, its style sheet."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from idp.settings import Settings
from idp.web.colors import Color
from idp.web.look import Look

# Of the backgrounds in pages.css, those on which text is hardest to read.
_LIGHT_PAPER = Color.parse("#eef0f7")
_DARK_PAPER = Color.parse("#262c47")

# An SVG opened by itself is a document: it must not run what an <img> would not.
PICTURE_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
}


def brand_routes(settings: Settings, look: Callable[[], Look]) -> list[Route]:
    """Return the routes of what the look names; the file names stay on this machine."""
    files = {"logo": settings.logo, "logo-dark": settings.logo_dark}
    return [
        *(
            Route(f"/branding/{name}", partial(_show_file, file))
            for name, file in files.items()
            if file
        ),
        Route("/branding/colors.css", partial(_show_colors, look)),
        Route("/branding/custom.css", partial(_show_css, look, settings.custom_css)),
    ]


def brand_colors(look: Look) -> str:
    """Return CSS custom properties in which every text has the contrast it needs."""
    lines = [] if look.has_dark_mode else ["color-scheme: light"]
    if look.primary_color:
        lines += _tokens(look.primary_color, look.primary_color_dark)
    declarations = "".join(f"  {line};\n" for line in lines)
    return f":root {{\n{declarations}}}\n"


def _tokens(primary: str, primary_dark: str | None) -> list[str]:
    light = Color.parse(primary)
    dark = Color.parse(primary_dark) if primary_dark else light.readable_on(_DARK_PAPER)
    tokens = {
        "accent": (light, dark),
        "on-accent": (light.text_on_it(), dark.text_on_it()),
        "link": (light.readable_on(_LIGHT_PAPER), dark.readable_on(_DARK_PAPER)),
    }
    return [f"--{name}: light-dark({a}, {b})" for name, (a, b) in tokens.items()]


async def _show_file(file: Path, _: Request) -> Response:
    return FileResponse(file, headers=PICTURE_POLICY)


async def _show_colors(look: Callable[[], Look], _: Request) -> Response:
    return Response(brand_colors(look()), media_type="text/css")


async def _show_css(look: Callable[[], Look], file: Path | None, request: Request) -> Response:
    css = look().custom_css
    if css is None and file:
        return await _show_file(file, request)
    return Response(css or "", media_type="text/css")
