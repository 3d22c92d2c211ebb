"""Rules every address of the server keeps, whoever added it."""

import re

import pytest
from people import ISSUER, Site
from starlette.routing import BaseRoute, Mount, Route

from idp.web.security import program_headers, security_headers

OPEN_TO_OTHERS = {"/oidc/authorize", "/oidc/token", "/oidc/userinfo", "/oidc/logout"}
OPEN_TO_OTHERS |= {"/oidc/revoke", "/oidc/introspect", "/oidc/device", "/oidc/par"}
OPEN_TO_OTHERS |= {"/api/pages.css"}  # below /api only an access token counts

FOR_PROGRAMS = ("/oidc/jwks", "/oidc/userinfo", "/.well-known/")
KEPT_BY_CLIENTS = ("/oidc/jwks", "/.well-known/")

FORGERIES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ISSUER},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"{ISSUER}.evil.example"},
]
OWN = [
    {"Sec-Fetch-Site": "same-origin", "Origin": ISSUER},
    {"Sec-Fetch-Site": "none"},
    {"Origin": ISSUER},  # a browser from before Sec-Fetch-Site
    {},  # one from before Origin, or a program
]


def addresses(site: Site, method: str) -> list[str]:
    def path(route: BaseRoute) -> list[str]:
        if isinstance(route, Mount):
            return [f"{route.path}/pages.css"]
        is_meant = isinstance(route, Route) and method in (route.methods or ())
        return [re.sub("{.+?}", "x", route.path)] if is_meant else []  # type: ignore[attr-defined]

    return [each for route in site.client.app.routes for each in path(route)]  # type: ignore[attr-defined]


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    paths = [*addresses(site, "GET"), "/nowhere", "/static/nowhere"]
    assert len(paths) > 20
    for path in paths:
        answer = site.client.get(path, follow_redirects=False)
        wanted = program_headers if path.startswith(FOR_PROGRAMS) else security_headers
        missing = [
            name
            for name, value in wanted(https=False).items()
            if name != "Cache-Control" and not answer.headers.get(name, "").startswith(value)
        ]
        assert missing == [], path
        if not path.startswith(KEPT_BY_CLIENTS):
            assert answer.headers["Cache-Control"] in {"no-store", "no-cache"}, path


@pytest.mark.parametrize("headers", FORGERIES)
def test_no_form_is_taken_from_another_site(site: Site, headers: dict[str, str]) -> None:
    for path in set(addresses(site, "POST")) - OPEN_TO_OTHERS:
        assert site.client.post(path, headers=headers).status_code == 403, path


@pytest.mark.parametrize("headers", OWN)
def test_every_form_is_taken_from_this_site(site: Site, headers: dict[str, str]) -> None:
    for path in set(addresses(site, "POST")) - OPEN_TO_OTHERS:
        answer = site.client.post(path, headers=headers, follow_redirects=False)
        assert answer.status_code != 403, path


def test_no_form_larger_than_64_kb_is_read(site: Site) -> None:
    form = {"email": "a" * (64 * 1024)}
    for path in ("/sign-in", "/register", "/language", "/sign-in/password", "/oidc/token"):
        assert site.client.post(path, data=form).status_code == 413, path
