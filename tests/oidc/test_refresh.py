"""Refresh tokens: used once, and the whole grant ends when a used one comes back."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from idp.storage.tables import Grant, RefreshToken, User, now
from tests.oidc.conftest import Site


def _pass(site: Site, *, seconds: float) -> None:
    """Let time pass since the refresh tokens were used."""

    def age(session: Session) -> None:
        for row in session.exec(select(RefreshToken)):
            row.used_at = row.used_at and row.used_at - timedelta(seconds=seconds)

    site.work(age)


def test_a_refresh_token_is_replaced_at_every_use(site: Site) -> None:
    first = site.tokens()
    second = site.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert site.userinfo(second["access_token"]).status_code == 200
    assert site.refresh(second["refresh_token"]).status_code == 200


def test_a_refreshed_id_token_tells_of_the_same_sign_in(site: Site) -> None:
    site.sign_in(ago=500)
    first = site.tokens()
    second = site.refresh(first["refresh_token"]).json()
    before, after = (site.claims(tokens["id_token"]) for tokens in (first, second))
    for name in ("iss", "sub", "aud", "auth_time", "amr", "sid"):
        assert after[name] == before[name]
    assert "nonce" not in after
    assert after["at_hash"] != before["at_hash"]


def test_an_answer_that_got_lost_may_be_asked_for_again(site: Site) -> None:
    lost = site.tokens()["refresh_token"]
    assert site.refresh(lost).status_code == 200
    assert site.refresh(lost).status_code == 200


def test_a_used_refresh_token_that_comes_back_ends_the_grant(site: Site) -> None:
    stolen = site.tokens()["refresh_token"]
    latest = site.refresh(stolen).json()
    _pass(site, seconds=11)
    assert site.refresh(stolen).json()["error"] == "invalid_grant"
    assert site.refresh(latest["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.userinfo(latest["access_token"]).status_code == 401


def test_the_grace_counts_from_the_first_use(site: Site) -> None:
    lost = site.tokens()["refresh_token"]
    site.refresh(lost)
    _pass(site, seconds=6)
    assert site.refresh(lost).status_code == 200
    _pass(site, seconds=6)
    assert site.refresh(lost).json()["error"] == "invalid_grant"


def test_another_client_can_neither_use_nor_end_it(site: Site) -> None:
    used = site.tokens()["refresh_token"]
    unused = site.refresh(used).json()["refresh_token"]
    _pass(site, seconds=11)
    for refresh_token in (used, unused):
        answer = site.refresh(refresh_token, client_id="native")
        assert answer.json()["error"] == "invalid_grant"
    assert site.refresh(unused).status_code == 200


def test_a_code_is_no_refresh_token(site: Site) -> None:
    # It would escape the checks of its code_verifier and redirect_uri.
    authorization_code = site.authorization_code()
    for form in ({"code": authorization_code}, {}):
        answer = site.refresh(authorization_code, **form)
        assert answer.json()["error"] == "invalid_grant"


def test_a_narrower_scope_lasts_for_one_access_token(site: Site) -> None:
    first = site.tokens()
    second = site.refresh(first["refresh_token"], scope="openid").json()
    assert second["scope"] == "openid"
    assert set(site.userinfo(second["access_token"]).json()) == {"sub"}
    assert site.refresh(second["refresh_token"]).json()["scope"] == first["scope"]


def test_a_wider_scope_is_refused(site: Site) -> None:
    refresh_token = site.tokens(scope="openid offline_access")["refresh_token"]
    wider = site.refresh(refresh_token, scope="openid email")
    assert wider.json()["error"] == "invalid_scope"


def test_without_the_openid_scope_there_is_no_id_token_and_no_userinfo(site: Site) -> None:
    answer = site.refresh(site.tokens()["refresh_token"], scope="email").json()
    assert "id_token" not in answer
    assert site.userinfo(answer["access_token"]).status_code == 403


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (RefreshToken, {"expires_at": now() - timedelta(seconds=1)}),
        (Grant, {"revoked_at": now()}),
        (User, {"suspended_at": now()}),
    ],
)
def test_a_refresh_token_that_ended_is_refused(
    site: Site, table: type[object], values: dict[str, object]
) -> None:
    refresh_token = site.tokens()["refresh_token"]
    site.change(table, **values)
    assert site.refresh(refresh_token).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("refresh_token", "error"), [("unknown", "invalid_grant"), ("", "invalid_request")]
)
def test_a_missing_or_unknown_refresh_token_is_refused(
    site: Site, refresh_token: str, error: str
) -> None:
    assert site.refresh(refresh_token).json()["error"] == error
