"""Mails that tell people what was done to their account."""

import pytest
from people import Person, Site
from sqlmodel import Session

from idp.connector_kit.shipped_templates import shipped_notice
from idp.outbox.notices import Notice, notice_template
from idp.storage.tables import CustomTemplate

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def alice(site: Site) -> str:
    return site.add_user(EMAIL, site.hash_password(PASSWORD))


def test_the_first_browser_and_one_seen_before_are_not_told_of(site: Site, person: Person) -> None:
    for _ in range(2):
        person.sign_in(EMAIL, PASSWORD)
        person.press("/sign-out")
    assert site.inbox(EMAIL) == []


def test_a_new_browser_is_told_of_with_when_where_and_how_to_object(
    site: Site, person: Person
) -> None:
    person.sign_in(EMAIL, PASSWORD)
    other = site.person()
    other.client.headers["User-Agent"] = FIREFOX
    other.sign_in(EMAIL, PASSWORD)
    [notice] = other.mails(EMAIL)
    assert notice.subject == "New sign-in to your account"
    for told in ("UTC", "testclient", "Firefox, Linux", "http://localhost:8000/forgot-password"):
        assert told in notice.text
    other.press("/sign-out")
    other.sign_in(EMAIL, PASSWORD)
    assert len(site.inbox(EMAIL)) == 1


def test_a_new_account_is_not_told_of_its_own_first_browser(person: Person) -> None:
    person.open("/register")
    person.fill(email="new@example.test")
    person.fill(verification_code=person.verification_code("new@example.test"))
    assert person.page.url.path == "/account"
    assert len(person.inbox("new@example.test")) == 1


def test_a_forgotten_password_that_was_replaced_is_told_of(person: Person) -> None:
    person.open("/forgot-password")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    person.fill(new_password="nine loud geese depart")
    assert person.mails(EMAIL, count=2)[-1].subject == "Your password was changed"


def test_a_device_name_with_markup_stays_text(site: Site, person: Person) -> None:
    person.sign_in(EMAIL, PASSWORD)
    other = site.person()
    other.client.headers["User-Agent"] = "<img src=x>{{link}}"
    other.sign_in(EMAIL, PASSWORD)
    [notice] = other.mails(EMAIL)
    assert notice.html
    assert "<img" not in notice.html
    assert "&lt;img src=x&gt;{{link}}" in notice.html


def test_an_administrators_wording_comes_first(site: Site) -> None:
    def keep(session: Session) -> str:
        own = {"usageType": "NewDevice", "subject": "Hello", "content": "{{request.ip}}"}
        session.add(CustomTemplate(language_tag="en", usage_type="NewDevice", template=own))
        session.flush()
        return notice_template(session, Notice.NEW_DEVICE, "en-GB", "de").subject

    assert site.work(keep) == "Hello"


@pytest.mark.parametrize(
    ("locale", "fallback", "spoken"),
    [("pt", "en", "pt-BR"), ("de-AT", "en", "de"), ("tlh", "fr", "fr"), ("tlh", "tlh", "en")],
)
def test_the_shipped_wording_is_in_the_nearest_language(
    site: Site, locale: str, fallback: str, spoken: str
) -> None:
    chosen = site.work(notice_template, Notice.PASSWORD_CHANGED, locale, fallback)
    assert chosen == shipped_notice(spoken, "PasswordChanged")
