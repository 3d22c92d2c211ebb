"""Answers as a form the browser posts to the client."""

import html
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oidc.conftest import CALLBACK, ISSUER, Site

ODD_STATE = "a b+c&d=\"e'<f>%20é"


def _form(page: str) -> tuple[str, dict[str, str]]:
    """Read the form as a browser does."""
    [action] = re.findall(r'<form method="post" action="([^"]*)"', page)
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return html.unescape(action), {html.unescape(n): html.unescape(v) for n, v in fields}


def test_the_answer_is_a_form_for_the_client(site: Site) -> None:
    site.sign_in()
    response = site.authorize(response_mode="form_post", state=ODD_STATE)
    assert response.status_code == 200
    action, fields = _form(response.text)
    assert action == CALLBACK
    assert len(fields.pop("code")) == 43
    assert fields == {"state": ODD_STATE, "iss": ISSUER}


def test_the_page_needs_no_script_and_has_none_inside(site: Site) -> None:
    site.sign_in()
    page = site.authorize(response_mode="form_post").text
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    assert re.search(r"<button>\s*Continue\s*</button>", page)
    assert " onload=" not in page


def test_the_query_of_a_redirect_uri_stays_in_the_address(site: Site) -> None:
    site.sign_in()
    uri = f"{CALLBACK}/2?fixed=1"
    action, fields = _form(site.authorize(redirect_uri=uri, response_mode="form_post").text)
    assert action == uri
    assert set(fields) == {"code", "state", "iss"}


@pytest.mark.parametrize("changes", [{"prompt": "none"}, {"response_type": "token"}])
def test_errors_come_the_same_way(site: Site, changes: dict[str, str]) -> None:
    action, fields = _form(site.authorize(response_mode="form_post", **changes).text)
    assert action == CALLBACK
    assert fields["error"]
    assert fields["state"] == "a state"


def test_nothing_is_posted_to_an_address_nobody_proved(site: Site) -> None:
    site.sign_in()
    response = site.authorize(response_mode="form_post", redirect_uri="https://evil.example/")
    assert response.status_code == 400
    assert 'action="https://evil.example' not in response.text


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1))
def test_every_state_comes_back_as_it_was(site: Site, state: str) -> None:
    site.sign_in()
    _, fields = _form(site.authorize(response_mode="form_post", state=state).text)
    assert fields["state"] == state
