"""What abuse is answered with, and what its victims notice of it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import timedelta

import pytest
from limits import RateLimitItemPerHour
from people import Person, Site
from programs import find, need
from redis_server import running_redis
from sqlmodel import Session, col, select, update

from idp import hookimpl
from idp.connector_kit import DeliveryReceipt, EmailRequest, TransientFailure
from idp.connector_kit.testing import MemoryEmailConnector
from idp.storage.tables import CodeSend, FailedAttempt, User, now
from idp.verification import Limits
from idp.verification.ip_limits import Counter

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
WRONG = {"email": EMAIL, "password": "wrong"}


@pytest.fixture
def account(site: Site) -> None:
    site.add_user(EMAIL, site.hash_password(PASSWORD))


def ask(person: Person, email: str = EMAIL, path: str = "/sign-in") -> int:
    """Ask for a code; return the status of the answer."""
    person.open(path)
    return person.fill(email=email).status_code


def problem(person: Person) -> str:
    return person.page.text.partition('data-problem="')[2].partition('"')[0]


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.test", "not an address"])
def test_the_twenty_first_wrong_password_has_to_wait_whoever_it_is(
    site: Site, account: None, email: str
) -> None:
    stranger = site.person()
    for _ in range(20):
        assert stranger.sign_in(email, "wrong").status_code == 422
    assert problem(stranger) == "session.invalid_credentials"
    assert stranger.sign_in(email, PASSWORD).status_code == 429
    assert 59 <= int(stranger.page.headers["Retry-After"]) <= 60
    assert problem(stranger) == "session.verification_blocked_too_many_attempts"
    assert "Please wait 60 seconds" in stranger.page.text


def test_writing_the_address_in_another_way_does_not_help(site: Site, account: None) -> None:
    stranger = site.person()
    for _ in range(20):
        stranger.sign_in(EMAIL, "wrong")
    assert stranger.sign_in(" ALICE@Example.TEST", PASSWORD).status_code == 429


def test_guessing_locks_nobody_out_of_the_browser_they_use(site: Site, account: None) -> None:
    owner, stranger = site.person(), site.person()
    owner.sign_in(EMAIL, PASSWORD)
    owner.press("/sign-out")
    for _ in range(21):
        stranger.sign_in(EMAIL, "wrong")
    assert stranger.page.status_code == 429
    assert owner.sign_in(EMAIL, PASSWORD).url.path == "/account"


def test_guessing_passwords_leaves_the_code_as_a_way_in(site: Site, account: None) -> None:
    stranger, owner = site.person(), site.person()
    for _ in range(21):
        stranger.sign_in(EMAIL, "wrong")
    assert ask(owner) == 200
    owner.fill(verification_code=owner.verification_code(EMAIL))
    assert owner.page.url.path == "/account"


def test_mails_a_stranger_asked_for_leave_the_owner_a_code(site: Site, account: None) -> None:
    owner, stranger = site.person(), site.person()
    owner.sign_in(EMAIL, PASSWORD)
    owner.press("/sign-out")
    assert [ask(stranger) for _ in range(6)] == [200] * 5 + [429]
    assert problem(stranger) == "request.message_rate_limited"
    assert ask(owner) == 200


def test_the_second_step_is_open_to_the_owner_when_strangers_use_up_the_mails(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(second_step_by_mail=True)
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    owner, stranger = site.person(), site.person()
    owner.sign_in(EMAIL, PASSWORD)
    owner.fill(verification_code=owner.verification_code(EMAIL))
    owner.press("/sign-out")
    assert [ask(stranger) for _ in range(5)].count(429) == 1
    assert owner.sign_in(EMAIL, PASSWORD).url.path.startswith("/challenges/")


def test_a_wait_for_the_next_attempt_ends(site: Site, account: None) -> None:
    def pass_time(session: Session) -> None:
        minute = timedelta(seconds=61)
        session.exec(update(FailedAttempt).values(failed_at=now() - minute))

    stranger = site.person()
    for _ in range(21):
        stranger.sign_in(EMAIL, "wrong")
    site.work(pass_time)
    assert stranger.sign_in(EMAIL, PASSWORD).url.path == "/account"


def test_wrong_codes_of_many_flows_add_up_and_the_second_try_has_to_wait(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(limits=Limits(failures=2))
    person = site.person()
    for _ in range(2):
        ask(person)
        person.fill(verification_code="000000")
        assert person.page.status_code == 422
    person.fill(verification_code="000000")
    assert person.page.status_code == 429
    assert int(person.page.headers["Retry-After"]) == 60
    assert problem(person) == "session.verification_blocked_too_many_attempts"
    assert "verification_code" in person.page.text


def test_one_network_gets_twenty_codes_an_hour(site: Site) -> None:
    person = site.person("192.0.2.7")
    statuses = [ask(person, f"person{number}@example.test") for number in range(21)]
    assert statuses == [200] * 20 + [429]
    assert int(person.page.headers["Retry-After"]) > 0
    assert ask(site.person("192.0.2.8"), "person21@example.test") == 200


def test_with_redis_the_processes_share_the_count_of_a_network(
    make_site: Callable[..., Site],
) -> None:
    async def hit_elsewhere(url: str) -> int:
        async with aclosing(Counter(url)) as counter:
            return await counter.hit(RateLimitItemPerHour(2), "send", "192.0.2.7")

    program = need(find("redis-server"), "Redis (Debian: redis-server)", "limits in Redis")
    with running_redis(program) as redis:
        site = make_site(redis_url=redis.url, codes_per_ip_hour=2)
        person = site.person("192.0.2.7")
        assert ask(person) == 200
        assert asyncio.run(hit_elsewhere(redis.url)) == 0
        assert ask(person) == 429
        redis.stop()
        assert ask(person) == 200


def test_a_resend_that_comes_too_early_costs_the_network_nothing(
    make_site: Callable[..., Site],
) -> None:
    person = make_site(codes_per_ip_hour=2).person("192.0.2.7")
    ask(person)
    code_page = person.page.url.path
    for _ in range(5):
        person.page = person.client.post(code_page.replace("/code", "/resend"))
        assert person.page.status_code == 429
    assert ask(person, "other@example.test") == 200


@pytest.mark.parametrize("path", ["/register", "/sign-in", "/forgot-password"])
def test_the_limit_of_an_address_says_nothing_about_its_account(
    site: Site, account: None, path: str
) -> None:
    answers = []
    for email in (EMAIL, "nobod@example.test"):
        person = site.person()
        statuses = [ask(person, email, path) for _ in range(6)]
        answers.append((statuses, len(person.page.text)))
        assert 890 <= int(person.page.headers["Retry-After"]) <= 900
    assert answers[0] == answers[1]
    assert answers[0][0] == [200] * 5 + [429]


def test_codes_that_cannot_be_delivered_count_as_well(make_site: Callable[..., Site]) -> None:
    class Down(MemoryEmailConnector):
        async def send(self, request: EmailRequest) -> DeliveryReceipt:
            raise TransientFailure("connection refused by mail.internal.example")

    person = make_site(connector=Down).person()
    assert [ask(person) for _ in range(6)] == [200] * 5 + [429]
    assert "mail.internal" not in person.page.text


def test_a_refused_mail_counts_nowhere(site: Site) -> None:
    person = site.person()
    for _ in range(8):
        ask(person)
    sends = site.work(lambda session: session.exec(select(CodeSend)).all())
    assert len(sends) == 5


@pytest.mark.parametrize("path", ["/register", "/sign-in"])
def test_a_blocked_address_learns_so_only_once_it_is_proven(
    make_site: Callable[..., Site], path: str
) -> None:
    site = make_site(blocked_addresses=["@example.test"])
    person = site.person()
    assert ask(person, path=path) == 200
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.status_code == 422
    assert problem(person) == "session.email_blocklist.email_not_allowed"
    assert site.work(lambda session: session.exec(select(User)).all()) == []
    flow = str(person.page.url).replace("/code", "/confirm")
    assert person.client.post(flow).url.path != "/account"


def test_a_blocked_address_with_an_account_still_signs_in(make_site: Callable[..., Site]) -> None:
    site = make_site(blocked_addresses=["*"])
    site.add_user(EMAIL)
    person = site.person()
    ask(person)
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.url.path == "/account"


@pytest.mark.parametrize("path", ["/register", "/sign-in", "/forgot-password"])
def test_a_suspended_person_learns_so_only_with_the_code(
    site: Site, account: None, path: str
) -> None:
    def suspend(session: Session) -> None:
        session.exec(update(User).where(col(User.email) == EMAIL).values(suspended_at=now()))

    site.work(suspend)
    person = site.person()
    assert ask(person, path=path) == 200
    assert "suspended" not in person.page.text
    person.fill(verification_code=person.verification_code(EMAIL))
    assert person.page.status_code == 403
    assert problem(person) == "user.suspended"


class Captcha:
    """A plugin that lets nobody in who did not solve its riddle."""

    @hookimpl
    def idp_check_form(self, form: Mapping[str, str], ip: str | None, locale: str) -> str | None:
        return None if form.get("riddle") == "solved" else f"Solve the riddle ({locale})."

    @hookimpl
    def idp_form_fields(self, locale: str) -> dict[str, str]:
        html = f'<input name="riddle" title="{locale}">'
        return {"html": html, "script-src": "https://captcha.example/api/"}


@pytest.mark.parametrize("path", ["/register", "/sign-in", "/forgot-password", "/sign-in/password"])
def test_a_plugin_refuses_a_form_before_anything_is_looked_up(
    make_site: Callable[..., Site], path: str
) -> None:
    site = make_site(plugins=[Captcha()])
    site.add_user(EMAIL)
    client = site.person().client
    answers = {}
    for email in (EMAIL, "nobod@example.test"):
        refused = client.post(path, data=WRONG | {"email": email})
        assert refused.status_code == 422
        assert "Solve the riddle (en)." in refused.text
        assert 'data-problem="session.captcha_failed"' in refused.text
        answers[len(refused.text)] = email
    assert len(answers) == 1
    solved = client.post(path, data=WRONG | {"riddle": "solved"})
    assert "Solve the riddle" not in solved.text


def test_a_checked_form_carries_what_the_plugin_asks_for(make_site: Callable[..., Site]) -> None:
    person = make_site(plugins=[Captcha()]).person()
    for path in ("/register", "/sign-in", "/forgot-password", "/sign-in/password"):
        page = person.open(path)
        assert '<input name="riddle" title="en">' in page.text.partition("<button>")[0]
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self' https://captcha.example/api/;" in policy
    person.open("/register")
    assert person.fill(email=EMAIL, riddle="solved").url.path.endswith("/code")
    assert "captcha.example" not in person.page.headers["Content-Security-Policy"]


def test_where_the_captcha_is_off_the_plugin_is_not_asked(make_site: Callable[..., Site]) -> None:
    site = make_site(plugins=[Captcha()])
    site.set_experience(captchaPolicy={"enabled": False})
    person = site.person()
    assert "riddle" not in person.open("/register").text
    assert person.fill(email=EMAIL).url.path.endswith("/code")


@pytest.mark.parametrize(
    ("typed", "code"),
    [("12345", "guard.invalid_input"), ("000000", "verification_code.code_mismatch")],
)
def test_a_wrong_code_has_a_name_for_programs(site: Site, typed: str, code: str) -> None:
    person = site.person()
    ask(person)
    person.fill(verification_code=typed)
    assert problem(person) == code


@pytest.mark.parametrize(
    "email",
    ["no address", "a@one.test,b@two.test", "a@one.test b@two.test", "x@one.test@two.test", ""],
)
def test_anything_but_one_address_is_refused_by_name(site: Site, email: str) -> None:
    person = site.person()
    assert ask(person, email) == 422
    assert problem(person) == "session.email_blocklist.invalid_email"


def test_the_code_page_says_how_long_a_code_that_signs_in_lives(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(verification_code_minutes=60)
    person = site.person()
    ask(person)
    assert "works for 10 minutes" in person.page.text
    ask(person, path="/forgot-password")
    assert "works for 60 minutes" in person.page.text
