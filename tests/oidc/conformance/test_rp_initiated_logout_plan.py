"""oidcc-rp-initiated-logout-certification-test-plan."""

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.oidc.conformance.relying_party import RelyingParty
from tests.oidc.conftest import Site

HOME = "https://app.example/"


class Logout:
    """A person signed in at a client that can sign them out again."""

    def __init__(self, site: Site) -> None:
        self.rp = RelyingParty(site, None)
        tokens = self.rp.sign_in(client_id="old").tokens
        self.hint: str = tokens["id_token"]

    def request(self, **changes: str | None) -> httpx2.Response:
        asked = {"id_token_hint": self.hint, "post_logout_redirect_uri": HOME, "state": "a state"}
        sent = {name: value for name, value in (asked | changes).items() if value is not None}
        return self.rp.site.browser.get("/oidc/logout", params=sent)

    @property
    def is_over(self) -> bool:
        return self.rp.answer(self.rp.request(prompt="none")).get("error") == "login_required"


@pytest.fixture
def logout(site: Site) -> Logout:
    site.work(_let_home, HOME)
    return Logout(site)


def _let_home(session: object, home: str) -> None:
    from sqlmodel import Session

    from idp.storage.tables import Client

    assert isinstance(session, Session)
    session.get_one(Client, "old").post_logout_redirect_uris = [home]


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(site: Site) -> None:
    document = site.browser.get("/.well-known/openid-configuration").json()
    assert document["end_session_endpoint"].endswith("/oidc/logout")


def test_oidcc_rp_initiated_logout(logout: Logout) -> None:
    assert logout.request().headers["location"] == f"{HOME}?state=a+state"
    assert logout.is_over


def test_oidcc_rp_initiated_logout_bad_id_token_hint(logout: Logout) -> None:
    claims = {"iss": "https://elsewhere.example", "sub": "a", "aud": "old", "exp": 1}
    foreign = jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))
    _refuses(logout.request(id_token_hint=foreign))


def test_oidcc_rp_initiated_logout_modified_id_token_hint(logout: Logout) -> None:
    _, payload, _ = logout.hint.split(".")
    _refuses(logout.request(id_token_hint=f"eyJhbGciOiJub25lIn0.{payload}."))


def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(logout: Logout) -> None:
    _refuses(logout.request(post_logout_redirect_uri="https://app.example/elsewhere"))


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(
    logout: Logout,
) -> None:
    _refuses(logout.request(post_logout_redirect_uri=f"{HOME}?foo=bar"))


def test_oidcc_rp_initiated_logout_no_id_token_hint(logout: Logout) -> None:
    _refuses(logout.request(id_token_hint=None))


def test_oidcc_rp_initiated_logout_no_params(logout: Logout) -> None:
    nothing = {"id_token_hint": None, "post_logout_redirect_uri": None, "state": None}
    _shows_a_page(logout.request(**nothing))


def test_oidcc_rp_initiated_logout_only_state(logout: Logout) -> None:
    _shows_a_page(logout.request(id_token_hint=None, post_logout_redirect_uri=None))


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(logout: Logout) -> None:
    response = logout.request(post_logout_redirect_uri=None)
    _shows_a_page(response)
    assert "You are signed out" in response.text
    assert logout.is_over


def test_oidcc_rp_initiated_logout_no_state(logout: Logout) -> None:
    assert logout.request(state=None).headers["location"] == HOME
    assert logout.is_over


def _refuses(response: httpx2.Response) -> None:
    assert response.status_code == 400
    assert "location" not in response.headers
    assert "cannot be right" in response.text


def _shows_a_page(response: httpx2.Response) -> None:
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
