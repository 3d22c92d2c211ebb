"""What goes wrong is told on a page, with the headers of every page and a way on."""

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from idp.settings import Settings
from idp.web.error_pages import cross_site_page, error_pages
from idp.web.pages import Pages
from idp.web.security import SecurityHeaders, security_headers


class UnreadableError(Exception):
    """What a database says of a text it cannot hold."""


ERRORS = {
    "/400": HTTPException(400),
    "/413": HTTPException(413),
    "/unreadable": UnreadableError("\0"),
    "/unforeseen": RuntimeError("a secret"),
    "/token": UnreadableError("\0"),
    "/introspect": RuntimeError("a secret"),
}
PROGRAMS = frozenset({"/token", "/introspect"})


@pytest.fixture
def client(settings: Settings) -> TestClient:
    async def fail(request: Request) -> Response:
        raise ERRORS[request.url.path]

    app = Starlette(
        routes=[Route(path, fail) for path in ERRORS],
        middleware=[Middleware(SecurityHeaders, https=False)],
        exception_handlers=error_pages(
            Pages(settings), unreadable=UnreadableError, for_programs=PROGRAMS
        ),
    )
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/400", 400, "This request cannot be read"),
        ("/unreadable", 400, "This request cannot be read"),
        ("/nowhere", 404, "There is no such page"),
        ("/413", 413, "That is too much text"),
        ("/unforeseen", 500, "Something went wrong on our side"),
    ],
)
def test_every_error_is_a_page_with_a_way_on(
    client: TestClient, path: str, status: int, title: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in answer.text
    assert '<a href="/account">Go to your account</a>' in answer.text
    assert "secret" not in answer.text
    assert (
        security_headers(https=False).items()
        <= {name.title(): value for name, value in answer.headers.items()}.items()
    )


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/token", 400, "invalid_request"), ("/introspect", 500, "server_error")],
)
def test_a_program_is_answered_in_json(
    client: TestClient, path: str, status: int, error: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "secret" not in answer.text


def test_a_form_of_another_site_is_refused_in_the_readers_language(settings: Settings) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/account/delete",
        "query_string": b"",
        "server": ("localhost", 8000),
        "headers": [(b"accept-language", b"de")],
    }
    answer = cross_site_page(Pages(settings), Request(scope))
    assert (answer.status_code, answer.headers["Content-Language"]) == (403, "de")
    assert "Dieses Formular kam von einer anderen Website" in bytes(answer.body).decode()


def test_an_error_speaks_the_readers_language(client: TestClient) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": "zh"})
    assert answer.headers["Content-Language"] == "zh-CN"
    assert "页面不存在" in answer.text
