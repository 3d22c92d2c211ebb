"""Calls of programs go past the routes, and get what they would get there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from idp.web.direct import DirectCall, DirectCalls

if TYPE_CHECKING:
    from idp.web.error_pages import Handler


async def answer(request: Request) -> Response:
    if request.url.path == "/broken":
        raise HTTPException(400, "unreadable")
    if request.url.path == "/unforeseen":
        raise RuntimeError("a bug")
    return PlainTextResponse(await request.body(), headers={"Cache-Control": "max-age=60"})


async def refuse(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"refused: {error}", 400)


async def ordinary(_: Request) -> Response:
    return PlainTextResponse("the ordinary way")


@pytest.fixture
def client() -> TestClient:
    headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    call = DirectCall(answer, frozenset({"POST"}), headers)
    calls = dict.fromkeys(("/token", "/broken", "/unforeseen"), call)
    handlers: dict[int | type[Exception], Handler] = {HTTPException: refuse, Exception: refuse}
    direct = Middleware(DirectCalls, calls=calls, handlers=handlers, largest=100)
    route = Route("/token", ordinary, methods=["GET", "POST", "DELETE"])
    return TestClient(Starlette(routes=[route], middleware=[direct]))


def test_a_call_is_answered_by_its_endpoint(client: TestClient) -> None:
    assert client.post("/token", content=b"a form").text == "a form"


def test_headers_are_added_unless_the_answer_says_otherwise(client: TestClient) -> None:
    headers = client.post("/token").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "max-age=60"


def test_a_refusal_is_worded_by_its_handler_and_carries_the_headers(client: TestClient) -> None:
    refusal = client.post("/broken")
    assert (refusal.status_code, refusal.text) == (400, "refused: 400: unreadable")
    assert refusal.headers["Cache-Control"] == "no-store"


def test_an_unforeseen_error_is_left_to_who_logs_it(client: TestClient) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        client.post("/unforeseen")


def test_another_method_goes_the_ordinary_way(client: TestClient) -> None:
    assert client.delete("/token").text == "the ordinary way"


def test_a_body_that_is_too_large_goes_the_ordinary_way(client: TestClient) -> None:
    assert client.post("/token", content=b"x" * 101).text == "the ordinary way"


def test_a_body_of_unknown_length_goes_the_ordinary_way(client: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a form"

    assert client.post("/token", content=parts()).text == "the ordinary way"
