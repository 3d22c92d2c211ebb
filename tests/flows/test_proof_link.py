"""A link beside the code, where the settings want one."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, CustomTemplate, MailedLink, User, now

EMAIL = "alice@example.test"


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(mail_links=["Register", "SignIn", "ForgotPassword"])


def ask(person: Person, path: str = "/register") -> str:
    """Ask for a code and return the link of the mail, as a path."""
    person.open(path)
    person.fill(email=EMAIL)
    found = re.search(r"http\S+(/links/\S+)", person.mails(EMAIL)[-1].text)
    assert found
    return found[1]


def count_accounts(session: Session) -> int:
    return len(session.exec(select(User)).all())


def test_no_mail_carries_a_link_unless_the_settings_say_so(make_site: Callable[..., Site]) -> None:
    person = make_site().person()
    person.open("/register")
    person.fill(email=EMAIL)
    [mail] = person.mails(EMAIL)
    assert "/links/" not in mail.text + (mail.html or "")


def test_the_mail_has_both_and_opening_the_link_changes_nothing(site: Site, person: Person) -> None:
    link = ask(person)
    [mail] = person.mails(EMAIL)
    assert f'href="http://localhost:8000{link}"' in (mail.html or "")
    assert mail.text.endswith(f"#{person.verification_code(EMAIL)}\n")
    person.open(link)
    assert EMAIL in person.page.text
    assert site.work(count_accounts) == 0


def test_the_button_goes_on_in_the_browser_that_asked(site: Site, person: Person) -> None:
    link = ask(person)
    person.open(link)
    person.press("")
    assert person.page.url.path == "/account"
    assert site.work(count_accounts) == 1
    assert person.client.post(link).status_code == 410


def test_a_forgotten_password_goes_on_to_the_new_one(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    person.open(ask(person, "/forgot-password"))
    person.press("")
    assert person.page.url.path.endswith("/new-password")


def test_another_browser_is_shown_a_code_for_the_first_one(site: Site, person: Person) -> None:
    link = ask(person)
    code_page = person.page.url.path
    other = site.person()
    other.open(link)
    assert "You began in another browser" in other.page.text
    other.press("")
    found = re.search(r"<strong>(\d{6})</strong>", other.page.text)
    assert found
    assert found[1] != person.verification_code(EMAIL)
    assert other.open("/account").url.path == "/sign-in"
    assert other.client.post(link).status_code == 410
    person.open(code_page)
    person.fill(verification_code=found[1])
    assert person.page.url.path == "/account"
    sessions = site.work(lambda session: session.exec(select(BrowserSession)).all())
    assert len(sessions) == 1


def test_after_too_many_wrong_codes_the_link_shows_none(site: Site, person: Person) -> None:
    link = ask(person)
    wrong = f"{(int(person.verification_code(EMAIL)) + 1) % 1_000_000:06}"
    for _ in range(5):
        person.fill(verification_code=wrong)
    other = site.person()
    other.open(link)
    assert other.press("").status_code == 410


def test_the_link_ends_with_the_code(site: Site, person: Person) -> None:
    link = ask(person)

    def read(session: Session) -> timedelta:
        return session.exec(select(MailedLink)).one().expires_at - now()

    assert timedelta(minutes=9) < site.work(read) <= timedelta(minutes=10)
    person.fill(verification_code=person.verification_code(EMAIL))
    person.press("/sign-out")
    assert person.client.post(link).status_code == 410


def test_only_the_mails_named_carry_one(make_site: Callable[..., Site]) -> None:
    site = make_site(mail_links=["SignIn"])
    person = site.person()
    person.open("/sign-in")
    person.fill(email=EMAIL)
    assert "/links/" not in person.mails(EMAIL)[0].text
    site.add_user("bob@example.test")
    person.open("/sign-in")
    person.fill(email="bob@example.test")
    assert "/links/" in person.mails("bob@example.test")[0].text


def test_an_administrators_wording_is_kept(site: Site, person: Person) -> None:
    own = {"usageType": "Register", "subject": "{{code}}", "content": "Mine: {{link}}"}

    def keep(session: Session) -> None:
        session.add(CustomTemplate(language_tag="en", usage_type="Register", template=own))

    site.work(keep)
    ask(person)
    assert person.mails(EMAIL)[0].text.startswith("Mine: http://localhost:8000/links/")
