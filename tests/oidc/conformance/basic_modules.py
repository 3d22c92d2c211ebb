"""The modules of the certification plans Basic and Form Post, in the order of the plan.

Each test has the name of its module and asserts what the module asserts.
"""

import json
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx2
import pytest

from idp.oidc.claims import CLAIMS_BY_SCOPE
from idp.storage.tables import AuthorizationCode, now
from tests.oidc.conformance.relying_party import RelyingParty
from tests.oidc.conftest import CALLBACK, SECRET, VERIFIER, Site, answered

UNSIGNED_REQUEST = "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6ImZvcmdlZCJ9."


class BasicModules:
    """What both plans ask; `response_mode` is all they differ in."""

    response_mode: ClassVar[str | None] = None

    @pytest.fixture
    def rp(self, site: Site) -> RelyingParty:
        return RelyingParty(site, self.response_mode)

    def test_oidcc_server(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in()
        assert "name" not in signed_in.claims
        assert set(rp.userinfo(signed_in)) == {"sub"}

    def test_oidcc_response_type_missing(self, rp: RelyingParty) -> None:
        rp.site.sign_in()
        answer = rp.answer(rp.request(response_type=None))
        assert answer["error"] in {"unsupported_response_type", "invalid_request"}
        assert answer["state"] == "a state"

    def test_oidcc_idtoken_signature(self, rp: RelyingParty) -> None:
        rp.read_id_token(rp.sign_in().tokens["id_token"])

    def test_oidcc_idtoken_unsigned(self, rp: RelyingParty) -> None:
        document = rp.site.browser.get("/.well-known/openid-configuration").json()
        assert "none" not in document["id_token_signing_alg_values_supported"]
        assert "RS256" in document["id_token_signing_alg_values_supported"]

    def test_oidcc_userinfo_get(self, rp: RelyingParty) -> None:
        rp.userinfo(rp.sign_in())

    def test_oidcc_userinfo_post_header(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in()
        headers = {"Authorization": f"Bearer {signed_in.tokens['access_token']}"}
        response = rp.site.browser.post("/oidc/userinfo", headers=headers)
        assert response.json()["sub"] == signed_in.claims["sub"]

    def test_oidcc_userinfo_post_body(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in()
        form = {"access_token": signed_in.tokens["access_token"]}
        response = rp.site.browser.post("/oidc/userinfo", data=form)
        assert response.json()["sub"] == signed_in.claims["sub"]

    def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
        self, rp: RelyingParty
    ) -> None:
        assert "nonce" not in rp.sign_in(nonce=None).claims

    @pytest.mark.parametrize("scope", ["profile", "email", "address", "phone"])
    def test_oidcc_scope(self, rp: RelyingParty, scope: str) -> None:
        """Stands for oidcc-scope-profile, -email, -address and -phone."""
        signed_in = rp.sign_in(scope=f"openid {scope}")
        assert set(rp.userinfo(signed_in)) == {"sub", *CLAIMS_BY_SCOPE[scope]}

    def test_oidcc_scope_all(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in(scope="openid profile email address phone")
        every = {claim for claims in CLAIMS_BY_SCOPE.values() for claim in claims}
        assert set(rp.userinfo(signed_in)) == every

    def test_oidcc_alternate_happy_flow(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in(scope="email profile openid")
        assert rp.userinfo(signed_in)["email"] == "alice@example.com"

    @pytest.mark.parametrize(
        "parameter",
        [
            {"display": "page"},
            {"display": "popup"},
            {"extra": "foobar"},
            {"login_hint": "alice@example.com"},
            {"ui_locales": "se"},
            {"claims_locales": "se"},
        ],
        ids=lambda parameter: "-".join(*parameter.items()),
    )
    def test_oidcc_parameter_succeeds(self, rp: RelyingParty, parameter: dict[str, str]) -> None:
        """Stands for oidcc-display-page, -display-popup, -ui-locales and their like."""
        rp.userinfo(rp.sign_in(**parameter))

    def test_oidcc_prompt_login(self, rp: RelyingParty) -> None:
        rp.site.sign_in(ago=2)
        first = rp.complete(rp.request())
        response = rp.request(prompt="login")
        assert rp.asks_person(response)
        rp.site.sign_in()
        second = rp.complete(rp.site.resume(answered(response)["interaction"]))
        assert second.claims["auth_time"] > first.claims["auth_time"]
        assert second.claims["sub"] == first.claims["sub"]

    def test_oidcc_prompt_none_not_logged_in(self, rp: RelyingParty) -> None:
        answer = rp.answer(rp.request(prompt="none"))
        assert answer["error"] == "login_required"
        assert answer["state"] == "a state"

    def test_oidcc_prompt_none_logged_in(self, rp: RelyingParty) -> None:
        first = rp.sign_in()
        second = rp.complete(rp.request(prompt="none"))
        for claim in ("sub", "auth_time"):
            assert second.claims[claim] == first.claims[claim]

    def test_oidcc_max_age_1(self, rp: RelyingParty) -> None:
        rp.site.sign_in(ago=2)
        first = rp.complete(rp.request())
        response = rp.request(max_age="1")
        assert rp.asks_person(response)
        rp.site.sign_in()
        second = rp.complete(rp.site.resume(answered(response)["interaction"]))
        assert second.claims["auth_time"] > first.claims["auth_time"]

    def test_oidcc_max_age_10000(self, rp: RelyingParty) -> None:
        first = rp.sign_in(max_age="15000")
        second = rp.complete(rp.request(max_age="10000"))
        assert second.claims["auth_time"] == first.claims["auth_time"]

    def test_oidcc_ensure_request_with_unknown_parameter_succeeds(self, rp: RelyingParty) -> None:
        rp.sign_in(extra="foobar")

    def test_oidcc_id_token_hint(self, rp: RelyingParty) -> None:
        first = rp.sign_in()
        hint = first.tokens["id_token"]
        second = rp.complete(rp.request(prompt="none", id_token_hint=hint))
        assert second.claims["sub"] == first.claims["sub"]

    def test_oidcc_ensure_request_with_acr_values_succeeds(self, rp: RelyingParty) -> None:
        document = rp.site.browser.get("/.well-known/openid-configuration").json()
        for acr_values in (" ".join(document["acr_values_supported"]), "1 2"):
            assert rp.sign_in(acr_values=acr_values).claims["acr"] in acr_values.split()

    def test_oidcc_codereuse(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in()
        self._refused_and_revoked(rp, signed_in.answer["code"], signed_in.tokens)

    def test_oidcc_codereuse_30seconds(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in()
        used_at = now() - timedelta(seconds=30)
        rp.site.change(
            AuthorizationCode, used_at=used_at, expires_at=used_at + timedelta(minutes=1)
        )
        self._refused_and_revoked(rp, signed_in.answer["code"], signed_in.tokens)

    def _refused_and_revoked(self, rp: RelyingParty, code: str, tokens: dict[str, Any]) -> None:
        second = rp.exchange(code)
        assert second.status_code == 400
        assert second.headers["content-type"].startswith("application/json")
        assert second.json()["error"] == "invalid_grant"
        assert not set("\r\n\t") & set(second.json().get("error_description", ""))
        assert rp.site.userinfo(tokens["access_token"]).status_code == 401

    def test_oidcc_ensure_registered_redirect_uri(self, rp: RelyingParty) -> None:
        response = rp.request(redirect_uri=f"{CALLBACK}/unregistered")
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "Unknown return address" in response.text

    def test_oidcc_ensure_post_request_succeeds(self, rp: RelyingParty) -> None:
        rp.site.sign_in()
        query = rp.request().request.url.query
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        response = rp.site.browser.post("/oidc/authorize", content=query, headers=form)
        rp.complete(rp.site.browser.get(response.headers["location"]))

    def test_oidcc_server_client_secret_post(self, rp: RelyingParty) -> None:
        rp.site.sign_in()
        code = rp.answer(rp.request())["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        form |= {"client_id": "old", "client_secret": SECRET}
        assert rp.site.browser.post("/oidc/token", data=form).status_code == 200

    def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
        self, rp: RelyingParty
    ) -> None:
        rp.site.sign_in()
        answer = rp.answer(rp.request(request_uri="https://app.example/request.jwt"))
        assert answer["error"] == "request_uri_not_supported"

    def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
        self, rp: RelyingParty
    ) -> None:
        rp.site.sign_in()
        answer = rp.answer(rp.request(request=UNSIGNED_REQUEST))
        assert answer["error"] == "request_not_supported"
        assert answer["state"] == "a state"

    def test_oidcc_ensure_request_object_with_redirect_uri(self, rp: RelyingParty) -> None:
        rp.site.sign_in()
        answer = rp.answer(rp.request(request=UNSIGNED_REQUEST))
        assert answer["error"] == "request_not_supported"

    def test_oidcc_claims_essential(self, rp: RelyingParty) -> None:
        claims = json.dumps({"userinfo": {"name": {"essential": True}}})
        assert rp.userinfo(rp.sign_in(claims=claims))["name"] == "a name"

    def test_oidcc_refresh_token(self, rp: RelyingParty) -> None:
        signed_in = rp.sign_in(scope="openid offline_access")
        refresh_token = signed_in.tokens["refresh_token"]
        foreign = self._refresh(rp, refresh_token, "other")
        assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
        refreshed = self._refresh(rp, refresh_token, "old")
        assert refreshed.headers["cache-control"] == "no-store"
        assert refreshed.json()["token_type"] == "Bearer"
        claims = rp.read_id_token(refreshed.json()["id_token"])
        for claim in ("iss", "sub", "aud", "auth_time"):
            assert claims[claim] == signed_in.claims[claim]
        assert claims["iat"] >= signed_in.claims["iat"]

    def _refresh(self, rp: RelyingParty, refresh_token: str, client_id: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        browser = rp.site.browser
        return browser.post("/oidc/token", content=body, headers=headers, auth=(client_id, SECRET))

    def test_oidcc_ensure_request_with_valid_pkce_succeeds(self, rp: RelyingParty) -> None:
        rp.site.sign_in()
        code = rp.answer(rp.request(**rp.pkce()))["code"]
        assert rp.exchange(code, code_verifier=VERIFIER).status_code == 200
