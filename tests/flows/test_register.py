"""Somebody without an account registers."""

from collections.abc import Callable

from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import User

EMAIL = "new@example.test"


def users(session: Session) -> list[User]:
    return list(session.exec(select(User)))


def test_an_address_and_its_code_make_an_account(site: Site, person: Person) -> None:
    person.open("/register")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"
    [user] = site.work(users)
    assert user.email == EMAIL
    assert user.email_verified


def test_the_address_is_kept_as_typed_and_compared_without_case(site: Site, person: Person) -> None:
    person.open("/register")
    person.fill(email="New.Person@Example.Test")
    person.fill(verification_code=person.verification_code("New.Person@Example.Test"))
    [user] = site.work(users)
    assert (user.email, user.email_key) == ("New.Person@Example.Test", "new.person@example.test")


def test_somebody_who_leaves_before_the_code_leaves_no_account(site: Site, person: Person) -> None:
    person.open("/register")
    person.fill(email=EMAIL)
    person.mails(EMAIL)
    assert site.work(users) == []


def test_an_address_with_an_account_is_offered_to_sign_in(site: Site, person: Person) -> None:
    user_id = site.add_user(EMAIL)
    person.open("/register")
    person.fill(email=EMAIL)
    assert "already" not in person.page.text
    person.fill(verification_code=person.verification_code(EMAIL))
    assert "You already have an account" in person.page.text
    person.press("")
    assert person.page.url.path == "/account"
    assert [user.id for user in site.work(users)] == [user_id]


def test_what_is_no_address_gets_a_clear_answer(site: Site, person: Person) -> None:
    person.open("/register")
    person.fill(email="a@x.test,b@y.test")
    assert person.page.status_code == 422
    assert "one email address" in person.page.text
    assert site.connector.sent == []


def test_a_password_is_asked_for_when_the_settings_say_so(make_site: Callable[..., Site]) -> None:
    person = make_site(sign_up_password=True).person()
    person.open("/register")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    person.fill(password="12345678")
    assert person.page.status_code == 422
    assert "too easy to guess" in person.page.text
    person.fill(password="four quiet herons wade")
    assert person.page.url.path == "/account"
    assert "set" in person.page.text


def test_a_new_password_works_at_once(make_site: Callable[..., Site]) -> None:
    site = make_site(sign_up_password=True)
    person = site.person()
    person.open("/register")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    person.fill(password="four quiet herons wade")
    other = site.person()
    other.open("/sign-in/password")
    other.fill(email=EMAIL, password="four quiet herons wade")
    assert other.page.url.path == "/account"
