"""Security policy at the console: what is in force, where it is set, and what is stored of it."""

import pytest
from administrator import Administrator
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
    assert len(named) > 15


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


@pytest.mark.parametrize(("policy", "demands"), [("Mandatory", True), ("NoPrompt", False)])
def test_the_second_step_is_changed_here(
    administrator: Administrator, policy: str, demands: bool
) -> None:
    site = administrator.site
    site.set_experience(mfa={"policy": "NoPrompt" if demands else "Mandatory"})
    typed = {"version": "1", "mfa.factors": "offered", "mfa.policy": policy}
    page = administrator.person.client.post(PATH, data=typed)
    assert "Saved." in page.text
    experience = site.work(load_experience, site.server.settings)
    assert experience.demands_second_step is demands
    assert not experience.captcha_policy.enabled
    [entry, _] = administrator.log("sign-in-exp.update")
    assert entry.details == {"changed": ["captchaPolicy", "mfa"]}


@pytest.mark.parametrize("version", ["7", "", "x"])
def test_a_change_to_what_is_no_longer_so_is_refused(
    administrator: Administrator, version: str
) -> None:
    typed = {"version": version, "mfa.factors": "off", "mfa.policy": "NoPrompt"}
    page = administrator.person.client.post(PATH, data=typed)
    assert page.status_code == 422
    assert "Somebody else saved" in page.text
    assert administrator.log("sign-in-exp.update")[0].refused
