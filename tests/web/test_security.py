"""Headers on every answer, and no form from another site."""

from collections.abc import Iterator, Mapping

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from idp.web.body_limit import BodyLimit
from idp.web.security import CrossSiteGuard, SecurityHeaders

HOST = "id.example.com"


async def answer(_: Request) -> Response:
    return PlainTextResponse("done")


async def refuse(request: Request) -> Response:
    return PlainTextResponse(f"not at {request.url.path}", 403)


async def framed(_: Request) -> Response:
    return PlainTextResponse("done", headers={"Cache-Control": "max-age=60"})


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(*, https: bool = True) -> TestClient:
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    app = Starlette(
        routes=[
            Route("/form", answer, methods=methods),
            Route("/static", framed),
            Route("/oidc/token", answer, methods=["POST"]),
            WebSocketRoute("/talk", talk),
        ],
        middleware=[
            Middleware(SecurityHeaders, https=https),
            Middleware(CrossSiteGuard, exempt=frozenset({"/oidc/token"}), refusal=refuse),
        ],
    )
    return TestClient(app, base_url=f"https://{HOST}")


def post(headers: Mapping[str, str], path: str = "/form") -> int:
    return client().post(path, headers=headers).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": f"https://{HOST}"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 200),
        ({"Origin": f"https://{HOST}"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": f"https://{HOST}.evil.example"}, 403),
        ({"Origin": f"https://{HOST}:8443"}, 403),
        ({"Origin": f"https://evil.example/{HOST}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": ""}, 403),
        ({}, 200),
    ],
)
def test_a_form_is_taken_from_this_site_only(headers: dict[str, str], status: int) -> None:
    assert post(headers) == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_every_method_that_changes_something_is_guarded(method: str) -> None:
    forged = {"Sec-Fetch-Site": "cross-site"}
    assert client().request(method, "/form", headers=forged).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_following_a_link_from_another_site_is_fine(method: str) -> None:
    linked = {"Sec-Fetch-Site": "cross-site"}
    assert client().request(method, "/form", headers=linked).status_code == 200


def test_protocol_endpoints_are_open_to_others_but_not_what_lies_below_them() -> None:
    assert post({"Sec-Fetch-Site": "cross-site"}, "/oidc/token") == 200
    assert post({"Sec-Fetch-Site": "cross-site"}, "/oidc/token/") == 403


@pytest.mark.parametrize("path", ["/form", "/nowhere"])
def test_every_answer_carries_the_headers(path: str) -> None:
    headers = client().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_refusal_carries_the_headers_too() -> None:
    refusal = client().post("/form", headers={"Origin": "null"})
    assert refusal.text == "not at /form"
    assert refusal.headers["Cache-Control"] == "no-store"


def test_an_answer_may_set_a_header_itself() -> None:
    assert client().get("/static").headers.get_list("Cache-Control") == ["max-age=60"]


def test_the_forms_of_the_account_lead_to_no_other_site() -> None:
    assert (
        client().get("/account").headers["Content-Security-Policy"].endswith("; form-action 'self'")
    )
    assert "form-action" not in client().get("/form").headers["Content-Security-Policy"]


def test_over_http_nobody_is_told_to_come_back_over_https() -> None:
    assert "Strict-Transport-Security" not in client(https=False).get("/form").headers


def test_what_is_not_http_passes() -> None:
    with client().websocket_connect("/talk") as connection:
        assert connection.receive_text() == "hello"


async def read(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 100, {}, 200),
        (b"x" * 101, {}, 413),
        (iter([b"x" * 50, b"x" * 50]), {}, 200),
        (iter([b"x" * 50, b"x" * 51]), {}, 413),
        (b"x" * 101, {"Content-Length": "1" * 5000}, 413),
        (b"x" * 101, {"Content-Length": "unknown"}, 413),
        (b"x" * 101, {"Content-Length": "100", "Transfer-Encoding": "chunked"}, 413),
    ],
)
def test_a_body_that_is_too_long_is_refused_whatever_is_said_about_it(
    body: bytes | Iterator[bytes], headers: dict[str, str], status: int
) -> None:
    limit = Middleware(BodyLimit, largest=100)
    app = Starlette(routes=[Route("/", read, methods=["POST"])], middleware=[limit])
    assert TestClient(app).post("/", content=body, headers=headers).status_code == status
