"""Sign-in experience at the console: what holds, changed, refused, and never overwritten."""

from typing import Any

import pytest
from administrator import Administrator
from form_fields import fields_of

from idp.accounts.sign_in_experience import SignInExperience, load_experience
from idp.administration.audit import Actor
from idp.administration.connectors import remove_connector
from idp.connectors import list_connectors
from idp.storage.tables import StoredExperience

PATH = "/console/sign-in-experience"
PASSWORD = "signIn.methods.0.password"
CODE = "signIn.methods.0.verificationCode"


def shown(administrator: Administrator) -> dict[str, str]:
    return fields_of(administrator.person.open(PATH).text)


def save(administrator: Administrator, *off: str, **changes: str) -> Any:
    """Send the form with these changes, and these boxes not ticked."""
    typed = shown(administrator) | changes
    left = {name: value for name, value in typed.items() if name not in off}
    return administrator.person.client.post(PATH, data=left)


def current(administrator: Administrator) -> SignInExperience:
    site = administrator.site
    return site.work(load_experience, site.server.settings)


def stored(administrator: Administrator) -> dict[str, Any]:
    row = administrator.site.work(lambda session: session.get(StoredExperience, "default"))
    return row.values if row else {}


def test_only_what_was_changed_is_stored(administrator: Administrator) -> None:
    assert "Saved." in save(administrator).text
    assert stored(administrator) == {}
    save(administrator, **{"color.primaryColor": "#0b6e4f"})
    assert stored(administrator) == {"color": {"primaryColor": "#0b6e4f"}}
    [entry] = administrator.log("sign-in-exp.update")
    assert entry.details == {"changed": ["color"]}


def test_the_pages_follow_at_once(administrator: Administrator) -> None:
    save(administrator, CODE, "languageInfo.autoDetect", signInMode="SignIn", **{PASSWORD: "on"})
    experience = current(administrator)
    assert (experience.allows_sign_up, experience.email.verification_code) == (False, False)
    assert not experience.language_info.auto_detect
    newcomer = administrator.site.person()
    assert newcomer.open("/register").status_code == 403
    assert newcomer.open("/sign-in").url.path == "/sign-in/password"


@pytest.mark.parametrize(
    ("choice", "methods"),
    [("never", ()), ("code", ("EmailVerificationCode",)), ("possible", None)],
)
def test_what_replaces_a_forgotten_password_is_chosen(
    administrator: Administrator, choice: str, methods: tuple[str, ...] | None
) -> None:
    save(administrator, forgotPasswordMethods="never")
    save(administrator, forgotPasswordMethods=choice)
    assert current(administrator).forgot_password_methods == methods
    assert shown(administrator)["forgotPasswordMethods"] == choice


@pytest.mark.parametrize(
    ("off", "changes", "said"),
    [
        ([CODE, PASSWORD], {"signInMode": "SignIn"}, "People need a password or a code"),
        ([CODE], {}, "Who signs up without a password needs codes"),
        ([], {"agreeToTermsPolicy": "Manual"}, "There is nothing to agree to"),
    ],
)
def test_what_cannot_work_together_is_refused_with_the_reason(
    administrator: Administrator, off: list[str], changes: dict[str, str], said: str
) -> None:
    page = save(administrator, *off, **changes)
    assert page.status_code == 422
    assert said in page.text
    assert stored(administrator) == {}
    assert [entry.refused for entry in administrator.log("sign-in-exp.update")] == [True]


@pytest.mark.parametrize(
    ("name", "value"),
    [("color.primaryColor", "red"), ("color.primaryColor", ""), ("termsOfUseUrl", "nowhere")],
)
def test_what_is_no_value_is_said_beside_its_control(
    administrator: Administrator, name: str, value: str
) -> None:
    page = save(administrator, **{name: value})
    assert page.status_code == 422
    assert f'id="{name.replace(".", "-")}-problem"' in page.text
    assert "Value error" not in page.text
    assert f'value="{value}"' in page.text


def test_of_two_who_save_at_once_one_is_told(administrator: Administrator) -> None:
    opened = shown(administrator)
    save(administrator, **{"color.primaryColor": "#0b6e4f"})
    late = administrator.person.client.post(PATH, data=opened | {"termsOfUseUrl": "https://x.test"})
    assert late.status_code == 422
    assert "Somebody else saved since you opened this page." in late.text
    assert stored(administrator) == {"color": {"primaryColor": "#0b6e4f"}}


def test_codes_cannot_be_turned_on_where_nothing_can_send(administrator: Administrator) -> None:
    save(administrator, CODE, "signUp.password", signInMode="SignIn")
    site = administrator.site
    [keeper] = site.work(list_connectors)
    site.work(remove_connector, site.server, Actor("cli"), keeper.id)
    page = save(administrator, **{CODE: "on"})
    assert page.status_code == 422
    assert "Codes by email need a connector that can send them" in page.text


def test_a_fallback_language_set_elsewhere_stays(administrator: Administrator) -> None:
    administrator.site.set_experience(languageInfo={"fallbackLanguage": "pt-PT"})
    save(administrator, **{"color.primaryColor": "#0b6e4f"})
    assert current(administrator).language_info.fallback_language == "pt-PT"
