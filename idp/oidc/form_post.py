"""The form_post response mode (OAuth 2.0 Form Post Response Mode 1.0)."""

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from idp.web.pages import Pages


def form_post(pages: Pages, request: Request, redirect_uri: str, location: str) -> Response:
    """Return a page that posts to the client what `location` would have carried in its query.

    A script of ours presses the button; without scripts the person does.
    """
    own = len(_pairs(redirect_uri))
    fields = _pairs(location)[own:]
    return pages.render(request, "oidc/form_post.html", action=redirect_uri, fields=fields)


def _pairs(uri: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(uri).query, keep_blank_values=True)
