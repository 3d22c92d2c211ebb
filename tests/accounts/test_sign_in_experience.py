"""What may be set about signing up and in, and what holds."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from idp.accounts.sign_in_experience import (
    DEFAULT_COLOR,
    DEFAULT_DARK_COLOR,
    ExperienceChanged,
    ExperienceRefused,
    MfaPolicy,
    SignInExperience,
    SignInMode,
    load_experience,
    save_experience,
)
from idp.settings import Settings
from idp.storage import Database
from idp.storage.tables import StoredExperience
from idp.web import branding

EMAIL = {"identifier": "email", "password": True, "verificationCode": True}
PASSWORD_ONLY = {
    "signIn": {"methods": [EMAIL | {"verificationCode": False, "isPasswordPrimary": True}]},
    "signInMode": "SignIn",
    "forgotPasswordMethods": [],
}


class Experience:
    """The stored values of one database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings

    async def load(self, settings: Settings | None = None) -> SignInExperience:
        return await self.database.run(load_experience, settings or self.settings)

    async def save(self, change: dict[str, Any], **options: Any) -> SignInExperience:
        options.setdefault("can_mail", True)
        return await self.database.run(save_experience, self.settings, change, **options)


@pytest.fixture
def experience(database: Database, settings: Settings) -> Experience:
    return Experience(database, settings)


async def test_as_long_as_nothing_is_stored_the_settings_hold(experience: Experience) -> None:
    said = experience.settings.model_copy(
        update={
            "sign_up_password": True,
            "second_step_by_mail": True,
            "default_locale": "de",
            "terms_url": "https://example.com/terms",
            "primary_color": "#0b6e4f",
            "logo": Path("acme.svg"),
        }
    )
    found = await experience.load(said)
    assert (found.version, found.sign_up.password, found.mfa.policy) == (0, True, "Mandatory")
    assert found.language_info.fallback_language == "de"
    assert found.terms_of_use_url == "https://example.com/terms"
    assert found.branding.logo_url == "http://localhost:8000/branding/logo"
    assert (found.color.primary_color, found.color.dark_primary_color) == ("#0b6e4f", None)


async def test_a_stored_value_wins_and_the_rest_follows_the_settings(
    experience: Experience,
) -> None:
    await experience.save({"signUp": {"password": True}, "color": {"primaryColor": "#123456"}})
    said = experience.settings.model_copy(update={"second_step_by_mail": True})
    found = await experience.load(said)
    assert found.sign_up.password
    assert found.sign_up.identifiers == ("email",)
    assert found.color.primary_color == "#123456"
    assert found.mfa.policy is MfaPolicy.MANDATORY


async def test_changes_are_merged_one_over_the_other_and_counted(experience: Experience) -> None:
    first = await experience.save({"signInMode": "SignIn"})
    second = await experience.save({"privacyPolicyUrl": "https://example.com/privacy"})
    assert (first.version, second.version) == (1, 2)
    assert await experience.load() == second
    assert second.sign_in_mode is SignInMode.SIGN_IN
    third = await experience.save({"privacyPolicyUrl": None})
    assert third.privacy_policy_url is None


async def test_a_change_to_a_version_that_is_gone_is_refused(experience: Experience) -> None:
    await experience.save({"signInMode": "SignIn"}, version=0)
    with pytest.raises(ExperienceChanged):
        await experience.save({"signInMode": "Register"}, version=0)
    assert (await experience.load()).sign_in_mode is SignInMode.SIGN_IN


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            {"signIn": {"methods": [EMAIL | {"password": False, "verificationCode": False}]}},
            "at_least_one_authentication_factor",
        ),
        ({"signUp": {"identifiers": []}}, "missing_sign_up_identifiers"),
        ({"signUp": {"verify": False}}, "passwordless_requires_verify"),
        (
            {"signIn": {"methods": [EMAIL | {"password": False}]}, "signUp": {"password": True}},
            "password_sign_in_must_be_enabled",
        ),
        (
            {"signIn": {"methods": [EMAIL | {"verificationCode": False}]}},
            "code_sign_in_must_be_enabled",
        ),
        ({"agreeToTermsPolicy": "Manual"}, "empty_content_url_of_terms_of_use"),
    ],
)
async def test_values_nobody_could_get_on_with_are_refused_by_logtos_name(
    experience: Experience, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(ExperienceRefused) as refused:
        await experience.save(change)
    assert refused.value.code == f"sign_in_experiences.{code}"
    assert (await experience.load()).version == 0


@pytest.mark.parametrize(
    "change",
    [
        {"signIn": {"methods": [EMAIL]}, "signInMode": "SignIn"},
        {"signInMode": "SignInAndRegister"},
        PASSWORD_ONLY | {"forgotPasswordMethods": ["EmailVerificationCode"]},
        PASSWORD_ONLY | {"mfa": {"policy": "Mandatory"}},
    ],
)
async def test_codes_by_email_need_a_connector(
    experience: Experience, change: dict[str, Any]
) -> None:
    with pytest.raises(ExperienceRefused) as refused:
        await experience.save(change, can_mail=False)
    assert refused.value.code == "sign_in_experiences.enabled_connector_not_found"


async def test_what_is_not_about_codes_is_saved_without_a_connector(
    experience: Experience,
) -> None:
    await experience.save({"color": {"primaryColor": "#123456"}}, can_mail=False)
    saved = await experience.save(PASSWORD_ONLY, can_mail=False)
    assert not saved.needs_mail
    assert saved.is_password_first


@pytest.mark.parametrize(
    "change",
    [
        {"signInMode": "Nobody"},
        {"color": {"primaryColor": "red"}},
        {"branding": {"logoUrl": "javascript:alert(1)"}},
        {"termsOfUseUrl": "terms"},
        {"signIn": {"methods": []}},
        {"signIn": {"methods": [{"identifier": "username"}]}},
        {"signInn": {}},
    ],
)
async def test_a_value_that_is_none_is_refused(
    experience: Experience, change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        await experience.save(change)


async def test_what_a_newer_server_stored_does_not_stop_an_older_one(
    experience: Experience,
) -> None:
    values = {"signInMode": "SignIn", "passkeySignIn": {"enabled": True}}
    row = StoredExperience(values=values, version=7)
    await experience.database.run(lambda session: session.add(row))
    found = await experience.load()
    assert (found.version, found.sign_in_mode) == (7, SignInMode.SIGN_IN)


def test_the_default_colours_are_those_of_the_style_sheet() -> None:
    css = (Path(branding.__file__).parent / "static" / "pages.css").read_text()
    assert f"--accent: light-dark({DEFAULT_COLOR}, {DEFAULT_DARK_COLOR});" in css
