"""Pushed authorization requests (RFC 9126)."""

from typing import Any

import httpx2
import pytest
from sqlmodel import Session, select

from idp.storage.tables import PushedRequest, now
from tests.oidc.conftest import CALLBACK, CHALLENGE, SECRET, Site, answered

REQUEST = {
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "a state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def _push(site: Site, **changes: Any) -> httpx2.Response:
    sent = {name: value for name, value in (REQUEST | changes).items() if value is not None}
    return site.browser.post("/oidc/par", data=sent, auth=("web", SECRET))


def _authorize(site: Site, request_uri: str, client_id: str = "web", **more: str) -> Any:
    query = {"client_id": client_id, "request_uri": request_uri, **more}
    return site.browser.get("/oidc/authorize", params=query)


def test_a_pushed_request_is_answered_like_any_other(site: Site) -> None:
    site.sign_in()
    pushed = _push(site)
    assert pushed.status_code == 201
    assert pushed.headers["cache-control"] == "no-store"
    assert pushed.json()["expires_in"] == 90
    answer = answered(_authorize(site, pushed.json()["request_uri"]))
    assert answer["state"] == "a state"
    assert site.exchange(answer["code"]).json()["scope"] == "openid email"


def test_it_waits_for_its_person(site: Site) -> None:
    interaction = answered(_authorize(site, _push(site).json()["request_uri"]))["interaction"]
    site.sign_in()
    assert "code" in answered(site.resume(interaction))


def test_it_is_answered_once(site: Site) -> None:
    site.sign_in()
    request_uri = _push(site).json()["request_uri"]
    answered(_authorize(site, request_uri))
    assert _authorize(site, request_uri).status_code == 400


def test_it_expires(site: Site) -> None:
    request_uri = _push(site).json()["request_uri"]
    site.change(PushedRequest, expires_at=now())
    assert _authorize(site, request_uri).status_code == 400


def test_it_belongs_to_the_client_that_pushed_it(site: Site) -> None:
    request_uri = _push(site).json()["request_uri"]
    assert _authorize(site, request_uri, client_id="other").status_code == 400
    assert _authorize(site, f"{request_uri}x").status_code == 400


def test_what_stands_beside_the_request_uri_changes_nothing(site: Site) -> None:
    site.sign_in()
    request_uri = _push(site).json()["request_uri"]
    more = {"state": "forged", "scope": "openid profile", "redirect_uri": "https://evil.example/"}
    response = _authorize(site, request_uri, **more)
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    assert answered(response)["state"] == "a state"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"client_id": "other"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_at_once(site: Site, changes: Any, error: str) -> None:
    response = _push(site, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_only_the_client_itself_can_push(site: Site) -> None:
    response = site.browser.post("/oidc/par", data=REQUEST, auth=("web", "guessed"))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert site.browser.get("/oidc/par").status_code == 405


def test_no_secret_is_kept_with_it(site: Site) -> None:
    form = {**REQUEST, "client_id": "web", "client_secret": SECRET}
    assert site.browser.post("/oidc/par", data=form).status_code == 201

    def kept(session: Session) -> str:
        return session.exec(select(PushedRequest)).one().model_dump_json()

    assert SECRET not in site.work(kept)
