"""The pages obey what an administrator stored, without a start of the server."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from people import Person, Site
from sqlmodel import Session, func, select

from idp.accounts.invitations import invite
from idp.administration.audit import Actor
from idp.administration.sign_in_experience import change_experience
from idp.outbox import Outbox
from idp.storage.tables import Message, MessageState, User

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
TERMS = {"termsOfUseUrl": "https://example.test/terms"}


def method(**values: bool) -> dict[str, Any]:
    return {"signIn": {"methods": [{"identifier": "email", **values}]}}


PASSWORD_ONLY = {
    **method(verificationCode=False),
    "signUp": {"password": True},
}


def count_users(session: Session) -> int:
    return session.exec(select(func.count()).select_from(User)).one()


def links(person: Person) -> set[str]:
    return set(re.findall(r'<a href="(/[^"]*)"', person.page.text))


def test_where_signing_up_is_off_nobody_begins_it(site: Site, person: Person) -> None:
    site.set_experience(signInMode="SignIn")
    page = person.open("/register")
    assert page.status_code == 403
    assert "New accounts cannot be created here" in page.text
    assert "/sign-in" in links(person)
    assert person.client.post("/register", data={"email": EMAIL}).status_code == 403
    person.open("/sign-in")
    assert "/register" not in links(person)


def test_where_signing_up_is_off_a_stranger_gets_the_same_page_and_no_mail(
    site: Site, person: Person
) -> None:
    site.set_experience(signInMode="SignIn")
    person.open("/sign-in")
    assert person.fill(email=EMAIL).url.path.endswith("/code")
    [state] = site.work(lambda session: list(session.exec(select(Message.state))))
    assert state == MessageState.CANCELLED


def test_a_flow_begun_before_signing_up_was_turned_off_makes_no_account(
    site: Site, person: Person
) -> None:
    person.open("/register")
    person.fill(email=EMAIL)
    site.set_experience(signInMode="SignIn")
    page = person.fill(verification_code=person.verification_code(EMAIL))
    assert page.status_code == 404
    assert 'data-problem="user.user_not_exist"' in page.text
    assert site.work(count_users) == 0


def test_where_signing_in_is_off_people_only_register(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    site.set_experience(signInMode="Register")
    assert person.open("/sign-in").url.path == "/register"
    assert person.open("/sign-in/password").url.path == "/register"
    assert "/sign-in" not in links(person)
    person.fill(email=EMAIL)
    page = person.fill(verification_code=person.verification_code(EMAIL))
    assert (page.status_code, 'data-problem="auth.forbidden"' in page.text) == (403, True)


def test_without_passwords_no_page_offers_one(site: Site, person: Person) -> None:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    site.set_experience(**method(password=False))
    assert person.open("/sign-in/password").url.path == "/sign-in"
    assert not {path for path in links(person) if "password" in path}
    wrong_door = person.client.post("/sign-in/password", data={"email": EMAIL})
    assert wrong_door.url.path == "/sign-in"
    assert person.open("/forgot-password").url.path == "/sign-in"
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"
    assert "/account/password" not in links(person)
    assert person.open("/account/password").url.path == "/account"


def test_without_codes_signing_in_is_by_password_alone(site: Site, person: Person) -> None:
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    site.set_experience(**PASSWORD_ONLY)
    assert person.open("/sign-in?login_hint=alice@example.test").url.path == "/sign-in/password"
    assert f'value="{EMAIL}"' in person.page.text
    assert "/sign-in" not in links(person)
    assert {"/forgot-password", "/register"} <= links(person)
    assert person.client.post("/sign-in", data={"email": EMAIL}).url.path == "/sign-in/password"
    assert person.fill(email=EMAIL, password=PASSWORD).url.path == "/account"
    assert person.inbox(EMAIL) == []


def test_the_way_that_comes_first_leads_to_the_other(site: Site, person: Person) -> None:
    site.set_experience(**method(isPasswordPrimary=True))
    assert person.open("/sign-in").url.path == "/sign-in/password"
    assert "/sign-in?by=code" in links(person)
    assert person.open("/sign-in?by=code").url.path == "/sign-in"
    assert person.fill(email=EMAIL).url.path.endswith("/code")


def test_signing_up_asks_for_a_password_once_that_is_set(site: Site, person: Person) -> None:
    site.set_experience(signUp={"password": True})
    person.open("/register")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path.endswith("/new-password")
    assert person.fill(password=PASSWORD).url.path == "/account"


def test_a_forgotten_password_stays_forgotten_where_that_is_off(site: Site, person: Person) -> None:
    site.set_experience(forgotPasswordMethods=[])
    person.open("/sign-in/password")
    assert "/forgot-password" not in links(person)
    found = person.open("/forgot-password?notice=deleted")
    assert (found.url.path, "Your account and everything in it is deleted." in found.text) == (
        "/sign-in",
        True,
    )


@pytest.mark.parametrize(
    ("policy", "path", "has_box"),
    [
        ("Automatic", "/register", False),
        ("ManualRegistrationOnly", "/register", True),
        ("ManualRegistrationOnly", "/sign-in", False),
        ("Manual", "/sign-in", True),
        ("Manual", "/sign-in/password", True),
        ("Manual", "/forgot-password", False),
    ],
)
def test_the_terms_are_agreed_to_where_the_policy_says(
    site: Site, person: Person, policy: str, path: str, has_box: bool
) -> None:
    site.set_experience(agreeToTermsPolicy=policy, **TERMS)
    assert ('name="agreed"' in person.open(path).text) == has_box


def test_without_the_tick_nothing_begins(site: Site, person: Person) -> None:
    site.set_experience(agreeToTermsPolicy="Manual", **TERMS)
    for path in ("/register", "/sign-in", "/sign-in/password"):
        answer = person.client.post(path, data={"email": EMAIL, "password": PASSWORD})
        assert (answer.status_code, "Please agree to the terms" in answer.text) == (422, True)
        [invalid] = re.findall(r"<input[^>]*aria-invalid[^>]*>", answer.text)
        assert 'name="agreed"' in invalid
    person.open("/register")
    assert person.fill(email=EMAIL, agreed="on").url.path.endswith("/code")


def test_a_stranger_at_the_sign_in_page_agrees_before_the_account_is_made(
    site: Site, person: Person
) -> None:
    site.set_experience(agreeToTermsPolicy="ManualRegistrationOnly", **TERMS)
    person.open("/sign-in")
    person.fill(email=EMAIL)
    confirm = person.fill(verification_code=person.verification_code(EMAIL)).url.path
    assert person.client.post(confirm).status_code == 422
    assert site.work(count_users) == 0
    assert person.client.post(confirm, data={"agreed": "on"}).url.path == "/account"


@pytest.mark.parametrize("policy", ["Automatic", "Manual"])
def test_an_invitation_is_accepted_with_its_terms(site: Site, person: Person, policy: str) -> None:
    site.set_experience(agreeToTermsPolicy=policy, signInMode="SignIn", **TERMS)
    server = site.server
    outbox = Outbox(server.settings, server.secrets, server.plugins, server.carrier.defer)
    site.work(invite, server.settings, outbox, EMAIL, "Lab")
    [mail] = person.mails(EMAIL)
    assert "\nDays left to accept: 7.\n" in mail.text
    link = re.findall(r"http\S+(/links/\S+)", mail.text)[0]
    assert TERMS["termsOfUseUrl"] in person.open(link).text.partition("<footer>")[0]
    bare = person.client.post(link)
    assert bare.status_code == (200 if policy == "Automatic" else 422)
    if policy == "Manual":
        assert person.client.post(link, data={"agreed": "on"}).url.path == "/account"


def test_the_look_and_the_language_follow(site: Site, person: Person) -> None:
    site.set_experience(
        color={"primaryColor": "#0b6e4f"},
        branding={"logoUrl": "https://cdn.example/acme.svg"},
        languageInfo={"autoDetect": False, "fallbackLanguage": "de"},
        customCss="main { border: 0 }",
    )
    page = person.client.get("/register", headers={"Accept-Language": "fr"})
    assert page.headers["Content-Language"] == "de"
    assert 'src="https://cdn.example/acme.svg"' in page.text
    assert "img-src 'self' https://cdn.example;" in page.headers["Content-Security-Policy"]
    assert "--accent: light-dark(#0b6e4f" in person.client.get("/branding/colors.css").text
    assert person.client.get("/branding/custom.css").text == "main { border: 0 }"


def test_what_another_process_saved_holds_within_seconds(site: Site, person: Person) -> None:
    change = {"signInMode": "SignIn"}
    site.work(change_experience, site.server, Actor("cli"), change)
    deadline = time.monotonic() + 20
    while person.open("/register").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert person.page.status_code == 403


def test_a_form_of_another_site_is_refused_by_a_page(
    make_site: Callable[..., Site],
) -> None:
    person = make_site().person()
    headers = {"Sec-Fetch-Site": "cross-site", "Accept-Language": "de"}
    answer = person.client.post("/account/sign-out", headers=headers)
    assert answer.status_code == 403
    assert "<h1>Dieses Formular kam von einer anderen Website</h1>" in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
