"""DPoP (RFC 9449): a stolen token is of no use without the key of its client."""

import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import httpx2
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OctKey

from idp.oidc.access_token import save_api
from idp.storage.tables import Client
from tests.oidc.conftest import CALLBACK, ISSUER, SECRET, VERIFIER, Site, answered

KEY = ECKey.generate_key("P-256")
OTHER_KEY = ECKey.generate_key("P-256")
TOKEN, USERINFO, PAR = (f"{ISSUER}/oidc/{name}" for name in ("token", "userinfo", "par"))


def proof(
    url: str, method: str = "POST", *, key: Key = KEY, header: Any = (), **changes: Any
) -> str:
    """Make a proof; None leaves a claim out."""
    claims: dict[str, Any] = {"jti": f"{time.time_ns()}", "htm": method, "htu": url}
    claims |= {"iat": int(time.time()), **changes}
    present = {name: value for name, value in claims.items() if value is not None}
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **dict(header)}
    return jwt.encode(head, present, key, algorithms=[head["alg"]])


def ath(access_token: str) -> str:
    return urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def ask(site: Site, *proofs: str, **form: str) -> httpx2.Response:
    """Call the token endpoint as a public client, with these proofs."""
    headers = [("DPoP", each) for each in proofs]
    return site.browser.post("/oidc/token", data={"client_id": "native", **form}, headers=headers)


def redeem(site: Site, *proofs: str, **asked: str) -> httpx2.Response:
    code = site.authorization_code(client_id="native", **asked)
    form = {"grant_type": "authorization_code", "code": code}
    return ask(site, *proofs, **form, redirect_uri=CALLBACK, code_verifier=VERIFIER)


def userinfo(site: Site, token: str, *, scheme: str = "DPoP", **proven: Any) -> httpx2.Response:
    made = proof(USERINFO, "GET", **{"ath": ath(token), **proven})
    headers = {"Authorization": f"{scheme} {token}", "DPoP": made}
    return site.browser.get("/oidc/userinfo", headers=headers)


def test_tokens_of_a_request_with_a_proof_are_bound_to_its_key(site: Site) -> None:
    tokens = redeem(site, proof(TOKEN)).json()
    assert tokens["token_type"] == "DPoP"
    told = site.introspect(tokens["access_token"])
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": KEY.thumbprint()})
    assert userinfo(site, tokens["access_token"]).json()["email"] == "alice@example.com"


def test_an_api_reads_from_its_token_which_key_it_is_bound_to(site: Site) -> None:
    site.work(save_api, "https://api.example/", "Orders", "")
    form = {"grant_type": "client_credentials", "resource": "https://api.example/"}
    answer = site.browser.post(
        "/oidc/token", data=form, auth=("machine", SECRET), headers={"DPoP": proof(TOKEN)}
    )
    claims = jws.extract_compact(answer.json()["access_token"].encode()).payload
    assert f'"cnf":{{"jkt":"{KEY.thumbprint()}"}}'.encode() in claims.replace(b" ", b"")


def test_without_a_proof_tokens_are_for_the_bearer(site: Site) -> None:
    assert redeem(site).json()["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {"typ": "JWT"}}, "typ"),
        ({"jti": None}, "jti"),
        ({"jti": 7}, "jti"),
        ({"method": "GET"}, "htm"),
        ({"url": USERINFO}, "htu"),
        ({"url": "https://elsewhere.example/oidc/token"}, "htu"),
        ({"htu": None}, "htu"),
        ({"htu": "http://["}, "htu"),
        ({"iat": time.time() - 7200}, "within 60 seconds"),
        ({"iat": time.time() + 7200}, "within 60 seconds"),
        ({"iat": "now"}, "within 60 seconds"),
        ({"header": {"jwk": KEY.as_dict(private=True)}}, "public key"),
        ({"header": {"jwk": OTHER_KEY.as_dict(private=False)}}, "signed with its jwk"),
        ({"header": {"jwk": {"kty": "none"}}}, "signed with its jwk"),
        ({"key": OctKey.generate_key(256), "header": {"alg": "HS256"}}, "signed with its jwk"),
    ],
)
def test_a_proof_that_proves_nothing_is_refused(
    site: Site, changes: dict[str, Any], reason: str
) -> None:
    made = proof(**{"url": TOKEN, **changes})
    answer = ask(site, made, grant_type="refresh_token", refresh_token="any")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert reason in answer.json()["error_description"]


@pytest.mark.parametrize("made", ["", "no-jwt", "e30.e30.e30", "a" * 9000])
def test_what_is_no_proof_at_all_is_refused(site: Site, made: str) -> None:
    answer = ask(site, made, grant_type="refresh_token", refresh_token="any")
    assert answer.json()["error"] == "invalid_dpop_proof"


def test_two_proofs_are_one_too_many(site: Site) -> None:
    answer = ask(site, proof(TOKEN), proof(TOKEN), grant_type="refresh_token")
    assert answer.json()["error"] == "invalid_dpop_proof"


def test_the_query_of_the_address_does_not_count(site: Site) -> None:
    assert redeem(site, proof(f"{TOKEN}?a=1#b")).status_code == 200


def test_a_proof_works_once(site: Site) -> None:
    made = proof(TOKEN)
    assert redeem(site, made).status_code == 200
    again = redeem(site, made)
    assert "used before" in again.json()["error_description"]


def test_a_code_is_redeemed_with_the_key_it_was_bound_to(site: Site) -> None:
    jkt = KEY.thumbprint()
    assert redeem(site, dpop_jkt=jkt).json()["error"] == "invalid_grant"
    stolen = redeem(site, proof(TOKEN, key=OTHER_KEY), dpop_jkt=jkt)
    assert stolen.json()["error"] == "invalid_grant"
    assert redeem(site, proof(TOKEN), dpop_jkt=jkt).status_code == 200


def test_a_thumbprint_that_is_none_is_refused_at_once(site: Site) -> None:
    site.sign_in()
    assert answered(site.authorize(dpop_jkt="short"))["error"] == "invalid_request"


def test_the_refresh_token_of_a_public_client_needs_the_key(site: Site) -> None:
    tokens = redeem(site, proof(TOKEN)).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert ask(site, **form).json()["error"] == "invalid_grant"
    assert ask(site, proof(TOKEN, key=OTHER_KEY), **form).json()["error"] == "invalid_grant"
    assert ask(site, proof(TOKEN), **form).json()["token_type"] == "DPoP"


def test_a_client_may_be_registered_to_get_bound_tokens_only(site: Site) -> None:
    site.change(Client, dpop_bound_access_tokens=True)
    assert redeem(site).json()["error"] == "invalid_dpop_proof"
    assert redeem(site, proof(TOKEN)).json()["token_type"] == "DPoP"


def test_a_stolen_access_token_is_of_no_use_without_the_key(site: Site) -> None:
    token = redeem(site, proof(TOKEN)).json()["access_token"]
    for stolen in (
        site.userinfo(token),
        userinfo(site, token, scheme="Bearer"),
        userinfo(site, token, key=OTHER_KEY),
        userinfo(site, token, ath=ath("another")),
        site.browser.get("/oidc/userinfo", headers={"Authorization": f"DPoP {token}"}),
    ):
        assert stolen.status_code == 401
        assert stolen.headers["www-authenticate"].startswith('DPoP algs="ES256')


def test_a_proof_for_userinfo_works_once_too(site: Site) -> None:
    token = redeem(site, proof(TOKEN)).json()["access_token"]
    assert userinfo(site, token, jti="same").status_code == 200
    again = userinfo(site, token, jti="same")
    assert (again.status_code, again.json()["error"]) == (401, "invalid_dpop_proof")


def test_a_token_for_the_bearer_is_not_taken_with_a_proof(site: Site) -> None:
    token = redeem(site).json()["access_token"]
    assert userinfo(site, token).json()["error"] == "invalid_token"


def push(site: Site, made: str, **asked: str) -> httpx2.Response:
    form = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", **asked}
    headers = {"DPoP": made}
    return site.browser.post("/oidc/par", data=form, auth=("old", SECRET), headers=headers)


def test_a_pushed_request_binds_the_code_by_its_proof(site: Site) -> None:
    site.sign_in()
    pushed = push(site, proof(PAR)).json()
    query = {"client_id": "old", "request_uri": pushed["request_uri"]}
    code = answered(site.browser.get("/oidc/authorize", params=query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert site.call("token", "old", **form).json()["error"] == "invalid_grant"


def test_a_pushed_request_names_no_other_key_than_its_proof(site: Site) -> None:
    answer = push(site, proof(PAR), dpop_jkt=OTHER_KEY.thumbprint())
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert push(site, proof(TOKEN)).json()["error"] == "invalid_dpop_proof"
