"""Whatever stands in a parameter, every endpoint answers in its own words."""

import pytest

from tests.oidc.conftest import Site

ODD = (
    'a"b\\',
    "\u00e9\ud7ff",
    "\r\nX: y",
    "\x7f\x00",
    "%",
    "<b>",
    "..",
    "0",
    "-1",
    "{}",
    "x" * 5000,
)


@pytest.mark.parametrize("value", ODD)
def test_the_authorization_endpoint_answers(site: Site, value: str) -> None:
    subject = site.sign_in()
    query = site.authorize().request.url.params
    for name in {*query, "prompt", "max_age", "id_token_hint", "ui_locales", "response_mode"}:
        response = site.authorize(**{name: value})
        assert response.status_code in {303, 400}, name
        assert "\n" not in response.headers.get("location", "")
        assert subject not in response.text


@pytest.mark.parametrize("value", ODD)
def test_the_token_endpoint_answers(site: Site, value: str) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": site.tokens()["refresh_token"]}
    for name in ("grant_type", "client_id", "client_secret", "refresh_token", "scope", "code"):
        response = site.browser.post("/oidc/token", data={**form, name: value})
        assert response.status_code in {400, 401}, name
        assert response.json()["error"]


@pytest.mark.parametrize("value", ODD)
def test_the_end_session_endpoint_answers(site: Site, value: str) -> None:
    for name in ("id_token_hint", "client_id", "post_logout_redirect_uri", "confirmation"):
        site.sign_in()
        assert site.browser.get("/oidc/logout", params={name: value}).status_code in {200, 400}
        assert site.browser.post("/oidc/logout", data={name: value}).status_code in {200, 400}


@pytest.mark.parametrize("path", ["authorize", "token", "userinfo", "logout"])
@pytest.mark.parametrize("body", [b"\xff=%ff&code=%ff", b"&&===", b"code", b"{}"])
def test_a_body_that_is_no_form_is_answered(site: Site, path: str, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = site.browser.post(f"/oidc/{path}", content=body, headers=form)
    assert response.status_code < 500
