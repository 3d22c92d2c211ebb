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
from idp.web.error_pages import error_pages
from idp.web.pages import Pages
from idp.web.security import SecurityHeaders, security_headers


class UnreadableError(Exception):
    """What a database says of a text it cannot hold."""


ERRORS = {
    "/400": HTTPException(400),
    "/413": HTTPException(413),
    "/unreadable": UnreadableError("\0"),
    "/unforeseen": RuntimeError("a secret"),
}


@pytest.fixture
def client(settings: Settings) -> TestClient:
    async def fail(request: Request) -> Response:
        raise ERRORS[request.url.path]

    app = Starlette(
        routes=[Route(path, fail) for path in ERRORS],
        middleware=[Middleware(SecurityHeaders, https=False)],
        exception_handlers=error_pages(Pages(settings), unreadable=UnreadableError),
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


def test_an_error_speaks_the_readers_language(client: TestClient) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": "zh"})
    assert answer.headers["Content-Language"] == "zh-CN"
    assert "页面不存在" in answer.text
