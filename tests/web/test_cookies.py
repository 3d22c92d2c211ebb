"""Cookies: only this host, only over https, out of reach of scripts."""

from http.cookies import SimpleCookie

import pytest
from starlette.requests import Request
from starlette.responses import Response

from idp.settings import Settings
from idp.web.cookies import Cookie, browser_cookie, device_cookie, session_cookie


@pytest.fixture
def https(settings: Settings) -> Settings:
    return settings.model_copy(update={"issuer": "https://id.example.com"})


def written(cookie: Cookie, value: str | None) -> str:
    response = Response()
    if value is None:
        cookie.clear(response)
    else:
        cookie.write(response, value)
    return response.headers["Set-Cookie"]


def test_over_https_a_cookie_has_the_host_prefix_and_what_it_demands(https: Settings) -> None:
    [(name, cookie)] = SimpleCookie(written(session_cookie(https), "secret")).items()
    assert (name, cookie.value) == ("__Host-idp_session", "secret")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["samesite"] == "lax"


def test_on_loopback_over_http_a_cookie_needs_no_https(settings: Settings) -> None:
    [(name, cookie)] = SimpleCookie(written(session_cookie(settings), "secret")).items()
    assert name == "idp_session"
    assert not cookie["secure"]
    assert cookie["httponly"]


def test_the_session_cookie_lives_as_long_as_a_session_and_the_other_as_the_browser(
    https: Settings,
) -> None:
    assert "Max-Age=1209600" in written(session_cookie(https), "x")
    assert "Max-Age" not in written(session_cookie(https, lasting=False), "x")
    assert "Max-Age=34560000" in written(device_cookie(https), "x")
    assert "Max-Age" not in written(browser_cookie(https), "x")
    assert written(browser_cookie(https), "x").startswith("__Host-idp_browser=x;")


def test_clearing_names_the_same_attributes(https: Settings) -> None:
    """A browser ignores a __Host- cookie that is not Secure with Path=/, even to delete it."""
    cleared = written(session_cookie(https), None)
    assert cleared.startswith('__Host-idp_session="";')
    assert "Max-Age=0" in cleared
    assert "Secure" in cleared
    assert "Path=/" in cleared


def test_a_cookie_is_read_by_its_name(https: Settings, settings: Settings) -> None:
    sent = [(b"cookie", b"idp_session=planted; __Host-idp_session=real")]
    request = Request({"type": "http", "headers": sent})
    assert session_cookie(https).read(request) == "real"
    assert session_cookie(settings).read(request) == "planted"
    assert browser_cookie(https).read(request) is None
