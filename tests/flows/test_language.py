"""Pages and mails speak the reader's language."""

from people import Person, Site

from idp.outbox.wording import save_shipped_templates

EMAIL = "neu@example.test"


def test_a_german_browser_reads_german_pages_and_mails(site: Site, person: Person) -> None:
    site.work(save_shipped_templates, ["de", "en"])
    person.client.headers["Accept-Language"] = "de-AT,de;q=0.9,en;q=0.5"
    person.open("/register")
    assert '<html lang="de"' in person.page.text
    assert person.page.headers["Content-Language"] == "de"
    person.fill(email=EMAIL)
    assert "Code eingeben" in person.page.text
    [mail] = person.mails(EMAIL)
    assert "ist Ihr Code" in mail.subject
    assert mail.headers["Content-Language"] == "de"


def test_the_application_may_ask_for_a_language(person: Person) -> None:
    assert '<html lang="de"' in person.open("/sign-in?ui_locales=fr-CA%20de").text


def test_an_unknown_language_gets_the_default(person: Person) -> None:
    person.client.headers["Accept-Language"] = "tlh"
    assert '<html lang="en"' in person.open("/sign-in").text
