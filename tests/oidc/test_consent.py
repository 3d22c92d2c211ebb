"""Applications of somebody else: what a person is asked, and what is remembered."""

import html
import re

import httpx2
import pytest

from idp.storage.tables import Client
from tests.oidc.conftest import CALLBACK, ISSUER, Site, answered

FOREIGN = {"client_id": "foreign"}


def _consent_page(site: Site, **changes: str) -> httpx2.Response:
    response = site.authorize(**(FOREIGN | changes))
    assert response.headers["location"].startswith("/oidc/consent?interaction="), response.headers
    return site.browser.get(response.headers["location"])


def _decide(site: Site, page: httpx2.Response, decision: str, **changes: str) -> httpx2.Response:
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    form = {**fields, "decision": decision, **changes}
    return site.browser.post("/oidc/consent", data=form)


def _go_on(site: Site, response: httpx2.Response) -> dict[str, str]:
    return answered(site.browser.get(response.headers["location"]))


def test_a_person_reads_in_plain_words_what_is_wanted(site: Site) -> None:
    site.sign_in()
    text = html.unescape(_consent_page(site).text)
    for words in ("Foreign wants to know who you are", "see your email address", "while you are"):
        assert words in text
    assert "postal address" not in text
    assert "alice@example.com" in text


def test_in_their_language(site: Site) -> None:
    site.sign_in()
    assert "Ihre E-Mail-Adresse" in _consent_page(site, ui_locales="de").text


def test_a_person_who_allows_goes_back_with_a_code(site: Site) -> None:
    site.sign_in()
    answer = _go_on(site, _decide(site, _consent_page(site), "allow"))
    assert answer["state"] == "a state"
    assert "code" in answer


def test_a_person_who_does_not_allow_goes_back_without(site: Site) -> None:
    site.sign_in()
    page = _consent_page(site)
    answer = answered(_decide(site, page, "deny"))
    assert (answer["error"], answer["iss"]) == ("access_denied", ISSUER)
    assert _decide(site, page, "allow").status_code == 400


def test_the_answer_is_remembered(site: Site) -> None:
    site.sign_in()
    _go_on(site, _decide(site, _consent_page(site), "allow"))
    assert "code" in answered(site.authorize(**FOREIGN))
    assert "code" in answered(site.authorize(**FOREIGN, prompt="none"))


def test_what_is_new_is_asked_for(site: Site) -> None:
    site.sign_in()
    _go_on(site, _decide(site, _consent_page(site, scope="openid email"), "allow"))
    assert "code" in answered(site.authorize(**FOREIGN, scope="openid email"))
    assert "your profile" in _consent_page(site, scope="openid profile").text


def test_claims_asked_for_one_by_one_need_consent_too(site: Site) -> None:
    site.sign_in()
    claims = '{"userinfo": {"phone_number": null}}'
    assert "your phone number" in _consent_page(site, scope="openid", claims=claims).text


def test_what_one_person_allows_another_does_not(site: Site) -> None:
    site.sign_in()
    _go_on(site, _decide(site, _consent_page(site), "allow"))
    site.sign_in("bob@example.com")
    assert "bob@example.com" in _consent_page(site).text


@pytest.mark.parametrize("client_id", ["foreign", "web"])
def test_prompt_consent_asks_again(site: Site, client_id: str) -> None:
    site.sign_in()
    for _ in range(2):
        page = _consent_page(site, client_id=client_id, prompt="consent")
        assert "code" in _go_on(site, _decide(site, page, "allow"))


def test_an_application_of_ones_own_asks_nothing(site: Site) -> None:
    site.sign_in()
    assert "code" in answered(site.authorize(client_id="web"))


def test_without_consent_there_is_no_silent_answer(site: Site) -> None:
    site.sign_in()
    assert answered(site.authorize(**FOREIGN, prompt="none"))["error"] == "consent_required"


def test_an_app_that_anybody_could_pose_as_asks_every_time(site: Site) -> None:
    """RFC 8252 §8.6."""
    site.sign_in()
    site.change(Client, first_party=False)
    app = {"client_id": "native", "redirect_uri": "com.example.app:/callback"}
    for _ in range(2):
        page = _consent_page(site, **app)
        location = _decide(site, page, "allow").headers["location"]
        assert "code=" in site.browser.get(location).headers["location"]


@pytest.mark.parametrize("changes", [{"confirmation": "guessed"}, {"confirmation": ""}])
def test_a_forged_form_only_asks(site: Site, changes: dict[str, str]) -> None:
    site.sign_in()
    response = _decide(site, _consent_page(site), "allow", **changes)
    assert "Allow access?" in response.text


def test_a_form_for_one_person_does_not_speak_for_another(site: Site) -> None:
    site.sign_in()
    page = _consent_page(site)
    site.sign_in("bob@example.com")
    assert "Allow access?" in _decide(site, page, "allow").text


def test_the_page_is_for_the_browser_that_asked(site: Site) -> None:
    site.sign_in()
    page = _consent_page(site)
    site.browser.cookies.clear()
    assert _decide(site, page, "allow").status_code == 400
    assert site.browser.get("/oidc/consent").status_code == 400


def test_parameters_of_the_form_change_nothing(site: Site) -> None:
    site.sign_in()
    page = _consent_page(site)
    changed = {"client_id": "web", "redirect_uri": "https://evil.example/"}
    answer = _decide(site, page, "deny", **changed)
    assert answer.headers["location"].startswith(f"{CALLBACK}?error=access_denied")


def test_select_account_offers_the_one_signed_in(site: Site) -> None:
    site.sign_in(ago=1)
    address = site.authorize(prompt="select_account").headers["location"]
    assert address.startswith("/oidc/select-account?")
    page = site.browser.get(address)
    assert "Continue as alice@example.com" in page.text
    assert "/sign-in?interaction=" in page.text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    assert "code" in _go_on(site, site.browser.post("/oidc/select-account", data=form))


def test_select_account_is_content_with_another_sign_in(site: Site) -> None:
    site.sign_in(ago=1)
    interaction = answered(site.authorize(prompt="select_account"))["interaction"]
    site.sign_in("bob@example.com")
    assert "code" in answered(site.resume(interaction))


def test_select_account_sends_a_stranger_to_sign_in(site: Site) -> None:
    assert site.authorize(prompt="select_account").headers["location"].startswith("/sign-in?")
    assert site.browser.get("/oidc/select-account").status_code == 400


@pytest.mark.parametrize("path", ["consent", "select-account"])
def test_a_page_nobody_needs_leads_on(site: Site, path: str) -> None:
    interaction = answered(site.authorize())["interaction"]
    site.sign_in()
    response = site.browser.get(f"/oidc/{path}", params={"interaction": interaction})
    assert response.headers["location"] == f"/oidc/authorize?interaction={interaction}"
