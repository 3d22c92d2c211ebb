"""Codes, guessing and addresses obey the policies an administrator stored."""

from collections.abc import Callable
from typing import Any

import pytest
from people import Person, Site
from pydantic import ValidationError

from idp.verification import Limits

EMAIL = "alice@example.test"


def ask(person: Person, email: str = EMAIL) -> int:
    person.open("/register")
    return person.fill(email=email).status_code


def register(site: Site, email: str = EMAIL) -> int:
    """Prove an address; what a blocklist says is said only then."""
    person = site.person()
    ask(person, email)
    return person.fill(verification_code=person.verification_code(email)).status_code


def test_a_code_lives_as_long_as_the_policy_says(site: Site, person: Person) -> None:
    site.set_experience(verificationCodePolicy={"expirationDuration": 120})
    ask(person)
    assert "The code works for 2 minutes" in person.page.text


def test_a_code_that_signs_in_never_lives_longer_than_ten_minutes_by_a_policy(
    site: Site, person: Person
) -> None:
    site.set_experience(verificationCodePolicy={"expirationDuration": 3600})
    ask(person)
    assert "The code works for 10 minutes" in person.page.text


def test_as_many_wrong_codes_are_compared_as_the_policy_says(site: Site, person: Person) -> None:
    site.set_experience(verificationCodePolicy={"maxRetryAttempts": 2})
    ask(person)
    person.fill(verification_code="000000")
    assert "verification_code" in person.page.text
    person.fill(verification_code="000000")
    assert "Start again" in person.page.text


def test_who_guesses_waits_as_the_policy_says(site: Site) -> None:
    site.set_experience(sentinelPolicy={"maxAttempts": 3, "lockoutDuration": 1})
    stranger = site.person()
    statuses = [stranger.sign_in(EMAIL, "wrong").status_code for _ in range(4)]
    assert statuses == [422, 422, 422, 429]
    assert 0 < int(stranger.page.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("policy", "email"),
    [
        ({"blockSubaddressing": True}, "alice+tag@example.test"),
        ({"customBlocklist": ["@example.test"]}, EMAIL),
        ({"customBlocklist": [EMAIL]}, EMAIL),
    ],
)
def test_an_address_on_the_blocklist_gets_no_account_until_it_is_taken_off(
    site: Site, policy: dict[str, Any], email: str
) -> None:
    site.set_experience(emailBlocklistPolicy=policy)
    assert register(site, email) == 422
    site.set_experience(emailBlocklistPolicy={"blockSubaddressing": False, "customBlocklist": []})
    assert register(site, email.replace("alice", "bob")) == 200


def test_the_settings_say_what_is_blocked_until_a_policy_does(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(blocked_addresses=["@example.test"])
    assert register(site) == 422
    site.set_experience(emailBlocklistPolicy={"customBlocklist": ["@other.test"]})
    assert register(site, "bob@example.test") == 200


def test_limits_given_to_the_server_hold_whatever_the_policies_say(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(limits=Limits(failures=1))
    site.set_experience(sentinelPolicy={"maxAttempts": 50})
    stranger = site.person()
    assert [stranger.sign_in(EMAIL, "wrong").status_code for _ in range(2)] == [422, 429]


@pytest.mark.parametrize(
    "change",
    [
        {"verificationCodePolicy": {"expirationDuration": 59}},
        {"verificationCodePolicy": {"maxRetryAttempts": 101}},
        {"sentinelPolicy": {"lockoutDuration": 0}},
        {"emailBlocklistPolicy": {"customBlocklist": ["no address"]}},
        {"emailBlocklistPolicy": {"blockDisposableAddresses": True}},
    ],
)
def test_a_policy_out_of_its_bounds_is_refused(site: Site, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        site.set_experience(**change)
