"""The page that asks for the code."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import Flow, Verification, VerificationCode, now
from idp.verification import Limits

EMAIL = "new@example.test"


@pytest.fixture
def asked(person: Person) -> Person:
    person.open("/register")
    person.fill(email=EMAIL)
    person.mails(EMAIL)
    return person


def other_than(verification_code: str) -> str:
    return f"{(int(verification_code) + 1) % 1_000_000:06}"


def test_it_has_one_field_that_phones_and_password_managers_fill(asked: Person) -> None:
    for attribute in ('inputmode="numeric"', 'autocomplete="one-time-code"', 'maxlength="20"'):
        assert attribute in asked.page.text
    assert asked.page.text.count('name="verification_code"') == 1
    assert f'<bdi class="address">{EMAIL}</bdi>' in asked.page.text


@pytest.mark.parametrize("pasted", ["{0} {1}", "{0}-{1}", " {0}{1}\n", "Your code: {0}{1}"])
def test_a_code_is_read_as_people_paste_it(asked: Person, pasted: str) -> None:
    verification_code = asked.verification_code(EMAIL)
    asked.fill(verification_code=pasted.format(verification_code[:3], verification_code[3:]))
    assert asked.page.url.path == "/account"


def test_a_wrong_code_counts_and_says_how_many_tries_are_left(asked: Person) -> None:
    wrong = other_than(asked.verification_code(EMAIL))
    assert asked.fill(verification_code=wrong).status_code == 422
    assert "Tries left: 4." in asked.page.text
    assert 'aria-invalid="true"' in asked.page.text
    assert "<title>Error:" in asked.page.text


def test_a_malformed_code_does_not_count(asked: Person) -> None:
    asked.fill(verification_code="12345")
    assert "6 digits" in asked.page.text
    asked.fill(verification_code=other_than(asked.verification_code(EMAIL)))
    assert "Tries left: 4." in asked.page.text


def test_after_five_wrong_codes_the_right_one_is_refused(asked: Person) -> None:
    verification_code = asked.verification_code(EMAIL)
    code_page = asked.page.url.path
    for _ in range(5):
        asked.fill(verification_code=other_than(verification_code))
    assert "start again" in asked.page.text
    assert 'name="verification_code"' not in asked.page.text
    refused = asked.client.post(code_page, data={"verification_code": verification_code})
    assert refused.status_code == 422
    assert asked.client.post(code_page.replace("/code", "/resend")).url.path == code_page
    assert len(asked.inbox(EMAIL)) == 1


def test_another_code_waits_for_the_cooldown(asked: Person) -> None:
    asked.press("/resend")
    assert asked.page.status_code == 429
    assert 0 < int(asked.page.headers["Retry-After"]) <= 30
    assert "Please wait" in asked.page.text
    asked.fill(verification_code=asked.verification_code(EMAIL))
    assert asked.page.url.path == "/account"


def test_the_address_of_a_refused_resend_shows_the_page_again(asked: Person) -> None:
    asked.press("/resend")
    assert "verification_code" in asked.open(asked.page.url.path).text


def test_an_earlier_code_works_after_a_later_one(make_site: Callable[..., Site]) -> None:
    person = make_site(limits=Limits.lifted()).person()
    person.open("/register")
    person.fill(email=EMAIL)
    first = person.verification_code(EMAIL)
    person.press("/resend")
    assert "Another code is on its way" in person.page.text
    assert person.verification_code(EMAIL, count=2)
    person.fill(verification_code=first)
    assert person.page.url.path == "/account"


def test_an_address_gets_five_codes_in_a_quarter_of_an_hour(site: Site) -> None:
    for _ in range(5):
        person = site.person()
        person.open("/register")
        assert person.fill(email=EMAIL).status_code == 200
    person.open("/register")
    assert person.fill(email=EMAIL).status_code == 429
    assert int(person.page.headers["Retry-After"]) > 800


def test_an_old_code_is_refused_as_old(site: Site, asked: Person) -> None:
    def age(session: Session) -> None:
        for row in [*session.exec(select(Verification)), *session.exec(select(VerificationCode))]:
            row.expires_at = now() - timedelta(seconds=1)

    verification_code = asked.verification_code(EMAIL)
    site.work(age)
    asked.fill(verification_code=verification_code)
    assert "too old" in asked.page.text


def test_reload_back_and_a_second_tab_show_the_same_page(asked: Person) -> None:
    again = asked.open(asked.page.url.path)
    assert again.status_code == 200
    assert EMAIL in again.text
    asked.fill(verification_code=asked.verification_code(EMAIL))
    assert asked.page.url.path == "/account"


def test_another_browser_cannot_use_the_page(site: Site, asked: Person) -> None:
    thief = site.person()
    page = asked.page.url.path
    assert thief.open(page).status_code == 410
    stolen = {"verification_code": asked.verification_code(EMAIL)}
    assert thief.client.post(page, data=stolen).status_code == 410
    asked.fill(**stolen)
    assert asked.page.url.path == "/account"


def test_a_flow_that_is_too_old_says_so(site: Site, asked: Person) -> None:
    def age(session: Session) -> None:
        session.exec(select(Flow)).one().expires_at = now()

    site.work(age)
    assert asked.open(asked.page.url.path).status_code == 410
    assert "start again" in asked.page.text


def test_a_used_code_page_moves_on(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    person.open("/register")
    person.fill(email=EMAIL)
    code_page = person.page.url.path
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.open(code_page).url.path.endswith("/confirm")


def test_a_code_sent_twice_leads_where_it_led_the_first_time(asked: Person) -> None:
    code_page = asked.page.url.path
    form = {"verification_code": asked.verification_code(EMAIL)}
    asked.fill(**form)
    assert asked.client.post(code_page, data=form).url.path == "/account"


def test_a_finished_flow_signs_nobody_in_again(asked: Person) -> None:
    code_page = asked.page.url.path
    form = {"verification_code": asked.verification_code(EMAIL)}
    asked.fill(**form)
    asked.press("/sign-out")
    for step in ("code", "confirm", "new-password"):
        address = code_page.replace("/code", f"/{step}")
        assert asked.client.post(address, data=form).url.path == "/sign-in"
