"""Which addresses may get an account."""

from collections.abc import Sequence

import pytest

from idp import hookimpl
from idp.plugins import load_plugins
from idp.settings import Settings, SetupError
from idp.verification import Problem
from idp.verification.address_policy import AddressPolicy

NO = Problem.EMAIL_NOT_ALLOWED


def problem(
    settings: Settings, email: str, plugins: Sequence[object] = (), **values: object
) -> Problem | None:
    policy = AddressPolicy(settings.model_copy(update=values), load_plugins(plugins))
    return policy.problem_with(email)


def test_by_default_every_address_may_have_an_account(settings: Settings) -> None:
    assert problem(settings, "alice+news@example.com") is None


@pytest.mark.parametrize(
    ("pattern", "email"),
    [
        ("eve@example.com", "eve@example.com"),
        ("Eve@Example.com", "eve@example.com"),
        ("eve@example.com", "eve+again@example.com"),
        ("eve.l@gmail.com", "e.v.e.l@gmail.com"),
        ("@example.com", "anybody@example.com"),
        ("@*.example.com", "anybody@mail.example.com"),
        ("spam*@example.com", "spam.42@example.com"),
        ("*", "anybody@example.com"),
    ],
)
def test_a_listed_address_is_blocked_or_allowed(
    settings: Settings, pattern: str, email: str
) -> None:
    assert problem(settings, email, blocked_addresses=[pattern]) is NO
    assert problem(settings, email, allowed_addresses=[pattern]) is None


@pytest.mark.parametrize(
    ("pattern", "email"),
    [
        ("eve@example.com", "steve@example.com"),
        ("@example.com", "anybody@notexample.com"),
        ("@example.com", "anybody@mail.example.com"),
        ("a.b@example.com", "ab@example.com"),
        ("@exampleXcom", "anybody@example.com"),
        ("a.c@example.com", "abc@example.com"),
    ],
)
def test_an_address_not_listed_is_not_blocked_and_not_allowed(
    settings: Settings, pattern: str, email: str
) -> None:
    assert problem(settings, email, blocked_addresses=[pattern]) is None
    assert problem(settings, email, allowed_addresses=[pattern]) is NO


def test_what_is_blocked_stays_blocked_within_what_is_allowed(settings: Settings) -> None:
    lists = {"allowed_addresses": ["@example.com"], "blocked_addresses": ["eve@example.com"]}
    assert problem(settings, "alice@example.com", **lists) is None
    assert problem(settings, "eve@example.com", **lists) is NO


def test_subaddressing_can_be_off(settings: Settings) -> None:
    strict = settings.model_copy(update={"allow_subaddressing": False})
    assert problem(strict, "a+b@example.com") is Problem.SUBADDRESSING_NOT_ALLOWED
    assert problem(strict, "a@example.com") is None


def test_a_plugin_refuses_disposable_domains_and_a_broken_one_nobody(settings: Settings) -> None:
    class Disposable:
        @hookimpl
        def idp_refuse_address(self, email: str) -> bool:
            return email.endswith("@throwaway.example")

    class Broken:
        @hookimpl
        def idp_refuse_address(self, email: str) -> bool:
            raise RuntimeError(email)

    plugins = [Disposable(), Broken()]
    assert problem(settings, "a@throwaway.example", plugins) is NO
    assert problem(settings, "a@example.com", plugins) is None


@pytest.mark.parametrize("entry", ["example.com", "a@b@c", "a @example.com", "@"])
def test_an_entry_nobody_could_match_stops_the_server(
    monkeypatch: pytest.MonkeyPatch, secret_key: str, entry: str
) -> None:
    monkeypatch.setenv("IDP_BLOCKED_ADDRESSES", f"eve@example.com, {entry}")
    with pytest.raises(SetupError, match="IDP_BLOCKED_ADDRESSES: must hold entries such as"):
        Settings.load(secret_keys=[secret_key])


def test_entries_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, secret_key: str) -> None:
    monkeypatch.setenv("IDP_ALLOWED_ADDRESSES", "@example.com, *@example.org")
    settings = Settings.load(secret_keys=[secret_key])
    assert settings.allowed_addresses == ["@example.com", "*@example.org"]
