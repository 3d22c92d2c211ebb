"""Security policy at the console: what is in force, where it is set, and what is stored of it."""

from typing import Any

import pytest
from administrator import Administrator
from form_fields import fields_of
from pydantic import SecretStr

from idp.accounts.sign_in_experience import load_experience
from idp.console.security_facts import facts_of
from idp.settings import Settings
from idp.verification import Limits

PATH = "/console/security"


def values(settings: Settings, limits: Limits) -> dict[str, str]:
    facts = facts_of(settings, limits)
    return {f"{title}: {fact.what}": fact.value for title, known in facts for fact in known}


def test_every_setting_that_is_named_exists(settings: Settings) -> None:
    facts = [fact for _, known in facts_of(settings, Limits()) for fact in known]
    named = {fact.setting for fact in facts if fact.setting}
    assert named <= Settings.model_fields.keys()
    assert len(named) > 12


def test_what_is_shown_is_what_is_in_force(settings: Settings) -> None:
    changes = {"verification_code_length": 8, "redis_url": SecretStr("redis://cache:6379")}
    shown = values(settings.model_copy(update=changes), Limits())
    assert shown["Codes by email: length"] == "8 digits"
    assert shown["Limits: counted per IP address"] == "by all processes together"
    assert shown["Limits: codes to one address"] == "5 in 15 min, 20 in 24 h"
    lifted = values(settings, Limits.lifted())
    assert lifted["Limits: codes for everybody in an hour"] == "no limit"
    assert lifted["Limits: codes to one address"] == "none"


def test_the_page_names_value_and_variable(administrator: Administrator) -> None:
    page = administrator.person.open(PATH).text
    assert "6 digits <code>IDP_VERIFICATION_CODE_LENGTH</code>" in page
    assert "redis://" not in page


def save(administrator: Administrator, *off: str, **changes: str) -> Any:
    """Send the form with these changes, and these boxes not ticked."""
    typed = fields_of(administrator.person.open(PATH).text) | changes
    left = {name: value for name, value in typed.items() if name not in off}
    return administrator.person.client.post(PATH, data=left)


@pytest.mark.parametrize(("policy", "demands"), [("Mandatory", True), ("NoPrompt", False)])
def test_the_second_step_is_changed_here(
    administrator: Administrator, policy: str, demands: bool
) -> None:
    site = administrator.site
    site.set_experience(mfa={"policy": "NoPrompt" if demands else "Mandatory"})
    page = save(administrator, "captchaPolicy.enabled", **{"mfa.policy": policy})
    assert "Saved." in page.text
    experience = site.work(load_experience, site.server.settings)
    assert experience.demands_second_step is demands
    assert not experience.captcha_policy.enabled
    [entry, _] = administrator.log("sign-in-exp.update")
    assert entry.details == {"changed": ["captchaPolicy", "mfa"]}


def test_codes_and_guessing_obey_what_is_typed_here(administrator: Administrator) -> None:
    typed = {
        "verificationCodePolicy.expirationDuration": "120",
        "sentinelPolicy.lockoutDuration": "2",
        "emailBlocklistPolicy.customBlocklist": "@spam.test\r\n\r\n troll@example.test ",
    }
    assert "Saved." in save(administrator, **typed).text
    page = administrator.person.open(PATH).text
    assert "60 s, 120 s" in page
    assert "@spam.test\ntroll@example.test</textarea>" in page
    newcomer = administrator.site.person()
    newcomer.open("/register")
    assert "The code works for 2 minutes" in newcomer.fill(email="neu@example.test").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verificationCodePolicy.expirationDuration", "59"),
        ("verificationCodePolicy.maxRetryAttempts", "many"),
        ("sentinelPolicy.maxAttempts", ""),
        ("emailBlocklistPolicy.customBlocklist", "@spam.test\nspam"),
    ],
)
def test_a_policy_out_of_its_bounds_is_said_beside_its_control(
    administrator: Administrator, name: str, value: str
) -> None:
    page = save(administrator, **{name: value})
    assert page.status_code == 422
    assert f'id="{name.replace(".", "-")}-problem"' in page.text
    assert value in page.text


@pytest.mark.parametrize("version", ["7", "", "x"])
def test_a_change_to_what_is_no_longer_so_is_refused(
    administrator: Administrator, version: str
) -> None:
    page = save(administrator, version=version, **{"mfa.factors": "off"})
    assert page.status_code == 422
    assert "Somebody else saved" in page.text
    assert administrator.log("sign-in-exp.update")[0].refused
