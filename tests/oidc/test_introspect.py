"""Introspection (RFC 7662): who may ask about a token, and what they are told."""

import time
from datetime import timedelta

import pytest

from idp.storage.tables import AccessToken, Grant, RefreshToken, User, now
from tests.oidc.conftest import ISSUER, SECRET, Site


def test_an_access_token_is_described(site: Site) -> None:
    subject = site.sign_in()
    described = site.introspect(site.tokens(scope="openid email")["access_token"])
    assert described.pop("exp") == pytest.approx(time.time() + 3600, abs=3)
    assert described.pop("iat") == pytest.approx(time.time(), abs=3)
    assert described == {
        "active": True,
        "iss": ISSUER,
        "sub": subject,
        "client_id": "web",
        "scope": "openid email",
        "token_type": "Bearer",
    }


def test_a_refresh_token_is_described(site: Site) -> None:
    described = site.introspect(site.tokens()["refresh_token"])
    assert (described["active"], described["client_id"]) == (True, "web")
    assert "token_type" not in described


def test_a_machine_is_its_own_subject(site: Site) -> None:
    described = site.introspect(site.client_credentials().json()["access_token"])
    assert described["sub"] == described["client_id"] == "machine"


def test_a_refresh_token_that_was_used_is_inactive(site: Site) -> None:
    used = site.tokens()["refresh_token"]
    site.refresh(used)
    assert site.introspect(used) == {"active": False}


@pytest.mark.parametrize("presented", ["unknown", "a.b.c", "\u00e9" * 99])
def test_of_an_unknown_token_nothing_is_said(site: Site, presented: str) -> None:
    assert site.introspect(presented) == {"active": False}


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    ("table", "values"),
    [
        (AccessToken, {"expires_at": now() - timedelta(seconds=1)}),
        (RefreshToken, {"expires_at": now() - timedelta(seconds=1)}),
        (Grant, {"revoked_at": now()}),
        (User, {"suspended_at": now()}),
    ],
)
def test_a_token_that_ended_is_inactive(
    site: Site, name: str, table: type[object], values: dict[str, object]
) -> None:
    presented = site.tokens()[name]
    site.change(table, **values)
    is_other = {"access_token": RefreshToken, "refresh_token": AccessToken}[name] is table
    assert site.introspect(presented)["active"] is is_other


def test_an_application_of_somebody_else_learns_of_its_own_tokens_only(site: Site) -> None:
    access_token = site.tokens()["access_token"]
    assert site.introspect(access_token, client_id="foreign") == {"active": False}
    site.change(AccessToken, client_id="foreign")
    assert site.introspect(access_token, client_id="foreign")["active"]


@pytest.mark.parametrize("form", [{}, {"client_id": "native"}, {"client_id": "web"}])
def test_nobody_asks_without_proving_who_they_are(site: Site, form: dict[str, str]) -> None:
    sent = {"token": site.tokens()["access_token"], **form}
    response = site.browser.post("/oidc/introspect", data=sent)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert "active" not in response.text


@pytest.mark.parametrize("form", [{}, {"token": ["a", "b"]}])
def test_a_wrong_question_is_refused(site: Site, form: dict[str, list[str]]) -> None:
    response = site.browser.post("/oidc/introspect", data=form, auth=("web", SECRET))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
