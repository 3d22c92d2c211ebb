"""A person who closes the browser mid-way leaves no account and can begin anew."""

from collections.abc import Callable

import pytest
from people import Person, Site
from sqlmodel import select

from idp.storage.tables import BrowserSession, User

EMAIL = "new@example.test"
PASSWORD = "four quiet herons wade"


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(sign_up_password=True)


def ask(person: Person) -> None:
    person.open("/register")
    person.fill(email=EMAIL)


def prove(person: Person) -> None:
    ask(person)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path.endswith("/new-password")


def refuse_a_password(person: Person) -> None:
    prove(person)
    assert person.fill(password="short").status_code == 422


@pytest.mark.parametrize("as_far_as", [ask, prove, refuse_a_password])
def test_nothing_is_left_until_the_last_step(
    site: Site, person: Person, as_far_as: Callable[[Person], None]
) -> None:
    as_far_as(person)
    page = person.page.url.path
    for table in (User, BrowserSession):
        assert site.work(lambda session, table=table: session.exec(select(table)).all()) == []
    # The closed browser has lost its cookies, so the page is nobody's any more.
    again = site.person()
    assert again.open(page).status_code == 410
    again.open("/register")
    again.fill(email=EMAIL)
    again.fill(verification_code=again.verification_code(EMAIL, count=2))
    again.fill(password=PASSWORD)
    assert again.page.url.path == "/account"
