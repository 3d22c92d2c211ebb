"""Pages and mails speak the reader's language."""

import pytest
from people import Person, Site
from sqlmodel import select

from idp.outbox.wording import save_shipped_templates
from idp.storage.tables import Flow

EMAIL = "neu@example.test"


def choose(person: Person, locale: str, **fields: str) -> str:
    """Press the button of a language and return where that leads."""
    form = next(form for form in person.forms() if form.action == "/language")
    person.page = person.client.post("/language", data={**form.fields, "locale": locale, **fields})
    return person.page.url.raw_path.decode()


@pytest.mark.parametrize(
    ("accept", "locale", "page", "subject"),
    [
        ("en-GB", "en", "Enter your code", "is your"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Code eingeben", "ist Ihr Code"),
        ("es-419", "es", "Introduzca su código", "es su código"),
        ("fr", "fr", "Saisissez votre code", "est votre code"),
        ("ja", "ja", "コードの入力", "確認コードです"),
        ("pt", "pt-BR", "Digite seu código", "é o seu código"),
        ("zh-Hans-CN", "zh-CN", "输入验证码", "是您的"),
    ],
)
def test_pages_and_mails_speak_the_browsers_language(
    site: Site, person: Person, accept: str, locale: str, page: str, subject: str
) -> None:
    site.work(save_shipped_templates, [locale, "en"])
    person.client.headers["Accept-Language"] = accept
    person.open("/register")
    assert f'<html lang="{locale}"' in person.page.text
    assert person.page.headers["Content-Language"] == locale
    person.fill(email=EMAIL)
    assert page in person.page.text
    [mail] = person.mails(EMAIL)
    assert subject in mail.subject
    assert mail.headers["Content-Language"] == locale


def test_the_application_may_ask_for_a_language(person: Person) -> None:
    assert '<html lang="fr"' in person.open("/sign-in?ui_locales=tlh%20fr-CA%20de").text


def test_the_language_an_application_asked_for_holds_on_the_pages_that_follow(
    person: Person,
) -> None:
    person.open("/sign-in?ui_locales=de")
    assert '<html lang="de"' in person.open("/sign-in/password").text


def test_an_unknown_language_gets_the_default(person: Person) -> None:
    person.client.headers["Accept-Language"] = "tlh"
    assert '<html lang="en"' in person.open("/sign-in").text


def test_a_chosen_language_shows_the_same_page_and_stays(person: Person) -> None:
    person.open("/sign-in?login_hint=a%40b.test&ui_locales=fr")
    assert choose(person, "ja") == "/sign-in?login_hint=a%40b.test"
    assert '<html lang="ja"' in person.page.text
    assert 'value="a@b.test"' in person.page.text
    assert '<html lang="ja"' in person.open("/forgot-password").text


def test_a_language_chosen_halfway_counts_for_the_rest_of_the_flow_and_its_mails(
    site: Site, person: Person
) -> None:
    person.open("/register")
    person.fill(email=EMAIL)
    code_page = person.page.url.path
    assert choose(person, "es") == code_page
    assert "Introduzca su código" in person.page.text
    assert site.work(lambda session: [flow.locale for flow in session.exec(select(Flow))]) == ["es"]


def test_nobody_changes_the_language_of_a_flow_of_others(site: Site, person: Person) -> None:
    person.open("/register")
    person.fill(email=EMAIL)
    flow_id = person.page.url.path.split("/")[2]
    stranger = site.person()
    stranger.open("/register")
    choose(stranger, "es", flow=flow_id)
    assert '<html lang="en"' in person.open(person.page.url.path).text


@pytest.mark.parametrize("locale", ["", "tlh", "../de", "x" * 5000])
def test_a_language_nobody_offers_changes_nothing(person: Person, locale: str) -> None:
    person.open("/sign-in")
    assert choose(person, locale) == "/sign-in"
    assert "idp_locale" not in person.client.cookies


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
def test_the_choice_of_a_language_leads_to_no_other_site(person: Person, elsewhere: str) -> None:
    person.open("/sign-in")
    form = {"locale": "de", "next": elsewhere}
    answer = person.client.post("/language", data=form, follow_redirects=False)
    assert answer.headers["Location"] == "/account"
