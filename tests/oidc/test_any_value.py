"""Whatever stands in whichever parameter, every endpoint answers, and splits no header."""

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oidc.conftest import CALLBACK, CHALLENGE, SECRET, Site

AUTHORIZATION = """client_id redirect_uri response_type response_mode scope state nonce prompt
    max_age claims acr_values ui_locales claims_locales login_hint id_token_hint display
    first_screen
    code_challenge code_challenge_method request request_uri registration resource interaction
    unknown"""
LOGOUT = (
    "id_token_hint logout_hint client_id post_logout_redirect_uri state ui_locales confirmation"
)
PAGES = "interaction confirmation decision client_id"
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)

tried = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def parameters(names: str) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(names.split()), TEXT, min_size=1, max_size=4)


def is_answered(response: httpx2.Response) -> bool:
    return response.status_code < 500 and not set("\r\n") & set(
        response.headers.get("location", "")
    )


@tried
@given(changes=parameters(AUTHORIZATION))
def test_the_authorization_endpoint_answers(site: Site, changes: dict[str, str]) -> None:
    site.sign_in()
    response = site.authorize(**changes)
    assert is_answered(response)
    location = response.headers.get("location", CALLBACK)
    assert location.startswith((CALLBACK, "/"))
    assert is_answered(site.browser.post("/oidc/authorize", data=changes))


@tried
@given(changes=parameters(AUTHORIZATION))
def test_the_endpoint_for_pushed_requests_answers(site: Site, changes: dict[str, str]) -> None:
    form = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    form |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes}
    response = site.browser.post("/oidc/par", data=form, auth=("web", SECRET))
    assert response.status_code in {201, 400, 401}
    assert response.json()


@tried
@given(changes=parameters(LOGOUT))
def test_the_end_session_endpoint_answers(site: Site, changes: dict[str, str]) -> None:
    site.sign_in()
    for response in (
        site.browser.get("/oidc/logout", params=changes),
        site.browser.post("/oidc/logout", data=changes),
    ):
        assert is_answered(response)
        assert "location" not in response.headers


@tried
@given(changes=parameters(PAGES))
def test_the_pages_of_a_request_answer(site: Site, changes: dict[str, str]) -> None:
    site.sign_in()
    for path in ("/oidc/consent", "/oidc/select-account"):
        assert site.browser.get(path, params=changes).status_code == 400
        assert site.browser.post(path, data=changes).status_code == 400
