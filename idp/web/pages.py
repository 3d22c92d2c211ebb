"""Pages: Jinja2 templates shipped with the server, in the reader's language."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from idp.settings import Settings
from idp.web.cookies import language_cookie
from idp.web.i18n import (
    LANGUAGES,
    LOCALE_COOKIE,
    asked_by_application,
    catalogue,
    direction,
    mark,
    negotiate,
)
from idp.web.look import Look
from idp.web.security import page_policy

_TEMPLATES = Path(__file__).parent / "templates"

Links = Sequence[tuple[str, str]]
"""Msgid of what each link says, and where it leads."""

_WAY_ON: Links = ((mark("Go to your account"), "/account"),)


class Pages:
    """Renders templates for one deployment; `look` returns how they look now."""

    def __init__(self, settings: Settings, look: Callable[[], Look] | None = None) -> None:
        self.settings = settings
        self.look = look or partial(Look.of, settings)

    def locale(self, request: Request) -> str:
        """Return the language to answer this request in."""
        look = self.look()
        return negotiate(request, look.fallback_language, auto_detect=look.auto_detect)

    def render(
        self,
        request: Request,
        template: str,
        *,
        status_code: int = 200,
        locale: str | None = None,
        sources: Mapping[str, Iterable[str]] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """Render `templates/<template>`; `locale` overrides what the request asks for.

        `sources` are origins of other sites the page loads from, by the directive of its
        Content-Security-Policy.
        """
        locale = locale or self.locale(request)
        look = self.look()
        page = _environment(locale).get_template(template)
        body = page.render(
            locale=locale,
            direction=direction(locale),
            languages=LANGUAGES,
            settings=self.settings,
            look=look,
            request=request,
            here=_here(request),
            **context,
        )
        response = HTMLResponse(body, status_code, headers={"Content-Language": locale})
        if extra := _origins(look, sources):
            response.headers["Content-Security-Policy"] = page_policy(request.url.path, extra)
        self._remember_language(request, response)
        return response

    def error(
        self,
        request: Request,
        title: str,
        message: str,
        *,
        status_code: int = 400,
        links: Links = _WAY_ON,
    ) -> HTMLResponse:
        """Tell a person what went wrong and the ways on; all texts are msgids of the catalogue."""
        context: dict[str, Any] = {"title": title, "message": message, "links": links}
        return self.render(request, "error.html", status_code=status_code, **context)

    def _remember_language(self, request: Request, response: HTMLResponse) -> None:
        """Keep the language an application asks for, which only its first request names."""
        locale = asked_by_application(request)
        if locale and locale != request.cookies.get(LOCALE_COOKIE):
            language_cookie(self.settings, lasting=False).write(response, locale)


def _origins(look: Look, sources: Mapping[str, Iterable[str]] | None) -> dict[str, Iterable[str]]:
    extra = dict(sources or {})
    if look.picture_origins:
        extra["img-src"] = [*look.picture_origins, *extra.get("img-src", ())]
    return extra


def _here(request: Request) -> str:
    """Return the address of this page, without the language it was asked for in."""
    query = [(name, v) for name, v in request.query_params.multi_items() if name != "ui_locales"]
    path = quote(request.scope["path"])
    return f"{path}?{urlencode(query)}" if query else path


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
