"""The token endpoint: who may redeem a code, once, and what they get."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from idp.storage.tables import AuthorizationCode, Grant, User, now
from tests.oidc.conftest import CALLBACK, ISSUER, SECRET, VERIFIER, Site


def test_a_code_is_exchanged_for_tokens(site: Site) -> None:
    response = site.exchange(site.authorization_code())
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert len(answer["access_token"]) == len(answer["refresh_token"]) == 43


def test_the_id_token_tells_of_the_sign_in_and_nothing_else(site: Site) -> None:
    subject = site.sign_in(ago=100)
    answer = site.exchange(site.authorize().headers["location"].split("code=")[1].split("&")[0])
    claims = site.claims(answer.json()["id_token"])
    expected = {"iss": ISSUER, "sub": subject, "aud": "web", "nonce": "a-nonce", "amr": ["otp"]}
    assert expected.items() <= claims.items()
    assert claims["auth_time"] == pytest.approx(time.time() - 100, abs=3)
    assert claims["exp"] - claims["iat"] == 3600
    assert set(claims) == {*expected, "exp", "iat", "auth_time", "at_hash", "sid"}


def test_offline_access_is_what_a_refresh_token_is_for(site: Site) -> None:
    assert "refresh_token" not in site.tokens(scope="openid profile")


def test_a_code_used_twice_takes_back_what_it_gave(site: Site) -> None:
    authorization_code = site.authorization_code()
    tokens = site.exchange(authorization_code).json()
    assert site.userinfo(tokens["access_token"]).status_code == 200
    second = site.exchange(authorization_code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_is_not_spent_by_another_client(site: Site) -> None:
    authorization_code = site.authorization_code()
    site.exchange(authorization_code)
    thief = {"client_id": "native"}
    assert site.exchange(authorization_code, **thief).json()["error"] == "invalid_grant"
    fresh = site.authorization_code()
    assert site.exchange(fresh, **thief).json()["error"] == "invalid_grant"
    assert site.exchange(fresh).status_code == 200


def test_of_two_requests_at_once_one_wins_and_the_grant_is_revoked(site: Site) -> None:
    authorization_code = site.authorization_code()
    writer = sqlite3.connect(site.provider.settings.database_url.removeprefix("sqlite:///"))
    with ThreadPoolExecutor() as threads, closing(writer):
        writer.execute("BEGIN IMMEDIATE")  # Now both can read that the code is unused.
        answers = [threads.submit(site.exchange, authorization_code) for _ in range(2)]
        time.sleep(0.1)
        writer.rollback()
        won, lost = sorted((answer.result() for answer in answers), key=lambda a: a.status_code)
    assert (won.status_code, lost.status_code) == (200, 400)
    assert lost.json()["error"] == "invalid_grant"
    assert site.userinfo(won.json()["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (AuthorizationCode, {"expires_at": now() - timedelta(seconds=1)}),
        (Grant, {"revoked_at": now()}),
        (User, {"suspended_at": now()}),
    ],
)
def test_a_code_that_ended_is_refused(
    site: Site, table: type[object], values: dict[str, object]
) -> None:
    authorization_code = site.authorization_code()
    site.change(table, **values)
    assert site.exchange(authorization_code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": None}, "invalid_request"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"redirect_uri": f"{CALLBACK}/2?fixed=1"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
        ({"code_verifier": "too-short"}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_is_refused(site: Site, changes: dict[str, str | None], error: str) -> None:
    response = site.exchange(site.authorization_code(), **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.headers["cache-control"] == "no-store"


def test_a_verifier_for_a_request_without_a_challenge_is_refused(site: Site) -> None:
    # RFC 9700 §4.8.2: somebody stripped the challenge from the request.
    stripped = {"code_challenge": None, "code_challenge_method": None}
    authorization_code = site.authorization_code(client_id="old", **stripped)
    form = {"grant_type": "authorization_code", "code": authorization_code}
    form |= {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    response = site.browser.post("/oidc/token", data=form, auth=("old", SECRET))
    assert response.json()["error"] == "invalid_request"


def test_a_repeated_parameter_is_refused(site: Site) -> None:
    form = {"grant_type": "authorization_code", "code": site.authorization_code()}
    form |= {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    sent = {**form, "audience": ["a", "b"]}
    response = site.browser.post("/oidc/token", data=sent, auth=("web", SECRET))
    assert response.json()["error"] == "invalid_request"


def test_credentials_in_the_address_are_not_read(site: Site) -> None:
    form = {"grant_type": "authorization_code", "code": site.authorization_code()}
    address = f"/oidc/token?client_id=web&client_secret={SECRET}"
    assert site.browser.post(address, data=form).json()["error"] == "invalid_client"
