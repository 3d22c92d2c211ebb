"""Pages: Jinja2 templates shipped with the server, in the reader's language."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from idp.settings import Settings
from idp.web.i18n import catalogue, negotiate

_TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders templates for one deployment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def locale(self, request: Request) -> str:
        """Return the language to answer this request in."""
        return negotiate(request, self.settings.default_locale)

    def render(
        self,
        request: Request,
        template: str,
        *,
        status_code: int = 200,
        locale: str | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """Render `templates/<template>`; `locale` overrides what the request asks for."""
        locale = locale or self.locale(request)
        page = _environment(locale).get_template(template)
        body = page.render(locale=locale, settings=self.settings, request=request, **context)
        return HTMLResponse(body, status_code, headers={"Content-Language": locale})

    def error(
        self, request: Request, title: str, message: str, *, status_code: int = 400
    ) -> HTMLResponse:
        """Tell a person what went wrong; `title` and `message` are msgids of the catalogue."""
        context = {"title": title, "message": message}
        return self.render(request, "error.html", status_code=status_code, **context)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = catalogue(locale)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
