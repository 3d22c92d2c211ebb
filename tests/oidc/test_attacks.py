"""The attacks of RFC 9700 §4 that concern an authorization server, each carried out."""

import re
from datetime import timedelta
from typing import Any

import pytest

from idp.storage.tables import RefreshToken, now
from tests.oidc.conftest import CALLBACK, CHALLENGE, ISSUER, SECRET, VERIFIER, Site, answered

OTHER_VERIFIER = "another-verifier-of-at-least-forty-three-chars"


def test_mix_up_every_answer_says_who_gives_it(site: Site) -> None:
    """§4.4: a client that talks to two servers sees by `iss` which of them answered."""
    site.sign_in()
    for changes in ({}, {"prompt": "none", "max_age": "0"}, {"scope": "email"}):
        assert answered(site.authorize(**changes))["iss"] == ISSUER
    document = site.browser.get("/.well-known/openid-configuration").json()
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["issuer"] == ISSUER


def test_code_injection_a_stolen_code_needs_the_verifier(site: Site) -> None:
    """§4.5: the attacker's own session at the client made another verifier."""
    stolen = site.authorization_code()
    response = site.exchange(stolen, code_verifier=OTHER_VERIFIER)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"redirect_uri": f"{CALLBACK}/2"}])
def test_code_injection_a_code_is_for_its_client_and_address(
    site: Site, changes: dict[str, str]
) -> None:
    """§4.5 and RFC 6749 §4.1.3."""
    response = site.exchange(site.authorization_code(), **changes)
    assert response.status_code in {400, 401}
    assert "access_token" not in response.json()


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": None},
    ],
)
def test_pkce_downgrade_a_challenge_taken_out_of_the_request_is_missed(
    site: Site, changes: dict[str, str | None]
) -> None:
    """§4.8.2: an attacker edits the request of the person."""
    site.sign_in()
    assert answered(site.authorize(**changes))["error"] == "invalid_request"


def test_pkce_downgrade_a_verifier_without_a_challenge_is_refused(site: Site) -> None:
    """§4.8.2: a client that used PKCE gets no token for a code that was made without it."""
    site.sign_in()
    without = {"code_challenge": None, "code_challenge_method": None}
    code = answered(site.authorize(client_id="old", **without))["code"]
    form = {"client_id": "old", "client_secret": SECRET}
    response = site.exchange(code, **form, code_verifier=VERIFIER)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.example.evil.example/callback",
        "https://app.example/callback/../../evil",
        "https://app.example/callback%2f..",
        "https://app.example\\@evil.example/callback",
        "https://user@app.example/callback",
        "https://app.example:443/callback",
        "https://app.example/callback?",
        "https://app.example/Callback",
        "https://app.example/callback;x",
        "javascript:alert(1)//https://app.example/callback",
        "//app.example/callback",
        " https://app.example/callback",
    ],
)
@pytest.mark.parametrize("response_mode", [None, "form_post"])
def test_redirect_tricks_nothing_but_the_registered_address_gets_an_answer(
    site: Site, redirect_uri: str, response_mode: str | None
) -> None:
    """§4.1.3: exact string comparison; and no open redirector for errors either (§4.11.2)."""
    site.sign_in()
    for prompt in (None, "none"):
        asked = {"redirect_uri": redirect_uri, "response_mode": response_mode, "prompt": prompt}
        response = site.authorize(**asked)
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "code=" not in response.text


def test_a_browser_is_sent_on_with_a_get_and_without_a_body(site: Site) -> None:
    """§4.12: a redirect must not repeat what a person posted."""
    site.sign_in()
    assert site.authorize().status_code == 303


def test_what_the_client_sends_is_never_part_of_a_page(site: Site) -> None:
    """A request is attacker-controlled text."""
    text = "<script>alert(1)</script>"
    site.sign_in()
    for changes in ({"client_id": text}, {"redirect_uri": text}, {"response_mode": "form_post"}):
        sent: dict[str, Any] = {"state": text, "login_hint": text, **changes}
        assert text not in site.authorize(**sent).text


def test_login_csrf_a_request_begun_elsewhere_does_not_go_on_here(site: Site) -> None:
    """§4.7: the attacker's interaction, in the browser of the person."""
    interaction = answered(site.authorize(code_challenge=CHALLENGE))["interaction"]
    site.browser.cookies.clear()
    site.sign_in()
    assert site.resume(interaction).status_code == 400


def test_csrf_on_logout_a_link_alone_signs_nobody_out(site: Site) -> None:
    """RP-Initiated Logout §6."""
    site.sign_in()
    for send in (site.browser.get, site.browser.post):
        send("/oidc/logout")
        assert "code" in answered(site.authorize(prompt="none"))


def test_a_code_is_of_no_use_when_it_leaks_from_a_page_or_a_log(site: Site) -> None:
    """§4.2: codes are for one use; the second one ends what the first one gave."""
    code = site.authorization_code()
    tokens = site.exchange(code).json()
    assert site.exchange(code).status_code == 400
    assert site.userinfo(tokens["access_token"]).status_code == 401
    assert site.refresh(tokens["refresh_token"]).status_code == 400


def test_refresh_theft_is_noticed(site: Site) -> None:
    """§4.14.2: the thief and the client hold the same token; whoever comes second ends both."""

    stolen = site.tokens()["refresh_token"]
    fresh = site.refresh(stolen).json()
    site.change(RefreshToken, used_at=now() - timedelta(minutes=1))
    assert site.refresh(stolen).status_code == 400
    assert site.userinfo(fresh["access_token"]).status_code == 401


def test_pages_of_a_request_cannot_be_framed_or_run_foreign_scripts(site: Site) -> None:
    """§4.16: see the policy every page carries (tests/web); these pages need nothing else."""
    site.sign_in()
    page = site.authorize(response_mode="form_post").text
    assert re.findall(r"<script([^>]*)>", page) == [' src="/static/form_post.js" defer']
    assert "http-equiv" not in page
