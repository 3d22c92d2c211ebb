"""The authorization endpoint: what it answers, and to whom."""

import pytest
from sqlmodel import Session, select

from idp.storage.tables import AuthorizationCode
from tests.oidc.conftest import CALLBACK, ISSUER, Site, answered


def test_a_signed_in_person_goes_straight_back_with_a_code(site: Site) -> None:
    site.sign_in()
    response = site.authorize()
    answer = answered(response)
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    assert len(answer.pop("code")) == 43
    assert answer == {"state": "a state", "iss": ISSUER}
    assert response.headers["cache-control"] == "no-store"


def test_a_code_is_stored_as_a_fingerprint_only(site: Site) -> None:
    authorization_code = site.authorization_code()

    def stored(session: Session) -> str:
        return session.exec(select(AuthorizationCode)).one().model_dump_json()

    assert authorization_code not in site.work(stored)


def test_the_query_of_a_redirect_uri_is_kept(site: Site) -> None:
    site.sign_in()
    answer = answered(site.authorize(redirect_uri=f"{CALLBACK}/2?fixed=1"))
    assert answer["fixed"] == "1"


def test_an_app_of_its_own_scheme_gets_its_code(site: Site) -> None:
    site.sign_in()
    uri = "com.example.app:/callback"
    location = site.authorize(client_id="native", redirect_uri=uri).headers["location"]
    assert location.startswith(f"{uri}?code=")


def test_a_request_may_be_posted(site: Site) -> None:
    site.sign_in()
    request = site.authorize().request.url.query.decode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = site.browser.post("/oidc/authorize", content=request, headers=form)
    assert "code" in answered(site.browser.get(response.headers["location"]))


def test_unknown_parameters_are_ignored(site: Site) -> None:
    site.sign_in()
    assert "code" in answered(site.authorize(display="popup", acr_values="1", interaction="x"))


@pytest.mark.parametrize("client_id", ["nobody", None, "web\0"])
def test_an_unknown_client_gets_an_error_page(site: Site, client_id: str | None) -> None:
    response = site.authorize(client_id=client_id)
    assert response.status_code == 400
    assert "Unknown application" in response.text


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "https://evil.example/",
        f"{CALLBACK}/",
        f"{CALLBACK}?more=1",
        f"{CALLBACK}#part",
        f"{CALLBACK}/../elsewhere",
        CALLBACK.upper(),
        CALLBACK.replace("https", "http"),
        CALLBACK.replace("app.example", "app.example@evil.example"),
        f'{CALLBACK}"\r\n\u00e9',
    ],
)
def test_an_unregistered_redirect_uri_gets_an_error_page(
    site: Site, redirect_uri: str | None
) -> None:
    site.sign_in()
    response = site.authorize(redirect_uri=redirect_uri)
    assert response.status_code == 400
    assert "Unknown return address" in response.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_address_proves_nothing(site: Site, name: str) -> None:
    query = site.authorize().request.url.query.decode()
    assert site.browser.get(f"/oidc/authorize?{query}&{name}=web").status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": 'a"\\b'}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile email"}, "invalid_scope"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "hurry"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"userinfo": []}'}, "invalid_request"),
        ({"claims": '{"userinfo": {"name": 1}}'}, "invalid_request"),
        ({"claims": "[" * 9000}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
        ({"id_token_hint": "not-an-id-token"}, "invalid_request"),
        ({"client_id": "foreign", "prompt": "none"}, "consent_required"),
        (
            {
                "client_id": "native",
                "redirect_uri": "com.example.app:/callback",
                "response_mode": "form_post",
            },
            "invalid_request",
        ),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "too-short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_to_the_client(
    site: Site, changes: dict[str, str | None], error: str
) -> None:
    site.sign_in()
    answer = answered(site.authorize(**changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a state", ISSUER)
    assert "code" not in answer


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "prompt", "claims", "code_challenge"])
def test_a_repeated_parameter_is_told_to_the_client(site: Site, name: str) -> None:
    site.sign_in()
    query = site.authorize().request.url.query.decode()
    response = site.browser.get(f"/oidc/authorize?{query}&{name}=a&{name}=b")
    assert answered(response)["error"] == "invalid_request"


def test_a_value_no_database_can_keep_counts_as_missing(site: Site) -> None:
    site.sign_in()
    assert "state" not in answered(site.authorize(state="a\0b"))


def test_a_client_exempt_from_pkce_may_leave_it_out_but_not_weaken_it(site: Site) -> None:
    site.sign_in()
    without = {"code_challenge": None, "code_challenge_method": None}
    assert "code" in answered(site.authorize(client_id="old", **without))
    weak = site.authorize(client_id="old", code_challenge_method="plain")
    assert answered(weak)["error"] == "invalid_request"


def test_a_public_client_is_never_exempt(site: Site) -> None:
    site.sign_in()
    without = {"code_challenge": None, "code_challenge_method": None}
    assert answered(site.authorize(client_id="native", **without))["error"] == "invalid_request"


def test_scopes_a_client_does_not_have_are_left_out(site: Site) -> None:
    site.sign_in()
    authorization_code = answered(site.authorize(scope="openid payments"))["code"]
    assert site.exchange(authorization_code).json()["scope"] == "openid"
