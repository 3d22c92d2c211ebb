"""The same flows, with PostgreSQL underneath."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from people import Person, Site

pytestmark = pytest.mark.postgresql


@pytest.fixture
def site(make_site: Callable[..., Site], postgresql_url: str) -> Site:
    return make_site(database_url=postgresql_url)


def register(person: Person, email: str) -> str:
    person.open("/register")
    person.fill(email=email)
    return person.fill(verification_code=person.verification_code(email)).url.path


def test_an_address_and_its_code_make_an_account(person: Person) -> None:
    assert register(person, "new@example.test") == "/account"


def test_many_people_register_at_once(site: Site) -> None:
    emails = [f"person{number}@example.test" for number in range(50)]
    people = [site.person() for _ in emails]
    with ThreadPoolExecutor(len(emails)) as threads:
        assert set(threads.map(register, people, emails)) == {"/account"}


def test_a_code_sent_twice_at_once_makes_one_account(person: Person) -> None:
    email = "hasty@example.test"
    person.open("/register")
    person.fill(email=email)
    page, form = person.page.url.path, {"verification_code": person.verification_code(email)}

    def send(_: int) -> int:
        return person.client.post(page, data=form, follow_redirects=False).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(4))) == {303}
