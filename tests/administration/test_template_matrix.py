"""Every cell of the matrix names the wording a mail of this kind in this language gets."""

import pytest

from idp.administration.email_templates import Key
from idp.administration.template_matrix import Wordings, shipped_wording
from idp.connector_kit import EmailTemplate, UsageType
from idp.connector_kit.shipped_templates import shipped_notice, shipped_templates
from idp.storage.tables import CustomTemplate


def own(usage_type: str) -> EmailTemplate:
    return EmailTemplate.parse({"usageType": usage_type, "subject": "s", "content": "{{code}}"})


def custom(language_tag: str, usage_type: str) -> CustomTemplate:
    subject = {"subject": f"{language_tag} {usage_type}"}
    wording = own(usage_type).model_dump(by_alias=True) | subject
    return CustomTemplate(language_tag=language_tag, usage_type=usage_type, template=wording)


WORDINGS = Wordings(
    custom=[custom("de", "SignIn"), custom("de", "Generic"), custom("en", "Generic")],
    shipped_with_connector=[own("Register"), own("Generic")],
    takes_custom=True,
    fallback="en",
)


@pytest.mark.parametrize(
    ("language_tag", "usage_type", "taken"),
    [
        ("de", "SignIn", "de SignIn"),
        ("de-AT", "SignIn", "de SignIn"),
        ("fr", "SignIn", "en Generic"),
        ("de", "Register", "s"),
        ("de", "BindMfa", "de Generic"),
    ],
)
def test_a_cell_names_what_is_sent(language_tag: str, usage_type: str, taken: str) -> None:
    cell = WORDINGS.cell(Key.of(language_tag, usage_type))
    assert cell.template
    assert cell.template.subject == taken
    assert cell.is_own is (taken == f"{language_tag} {usage_type}")


def test_a_connector_with_wording_of_its_own_takes_no_other() -> None:
    provider = Wordings(WORDINGS.custom, [own("Generic")], takes_custom=False, fallback="en")
    cell = provider.cell(Key("de", UsageType.SIGN_IN))
    assert (cell.custom, cell.template) == (None, own("Generic"))


def test_where_nothing_is_written_nothing_is_sent() -> None:
    cell = Wordings([], [], takes_custom=True, fallback="en").cell(Key("de", UsageType.SIGN_IN))
    assert (cell.template, cell.is_own) == (None, False)


def test_a_template_nobody_touched_is_told_apart() -> None:
    shipped = next(each for each in shipped_templates("de") if each.usage_type == "SignIn")
    saved = shipped.model_dump(by_alias=True)
    row = CustomTemplate(language_tag="de", usage_type="SignIn", template=saved)
    key = Key("de", UsageType.SIGN_IN)
    assert Wordings([row], [], takes_custom=True, fallback="en").cell(key).is_as_shipped
    assert not WORDINGS.cell(key).is_as_shipped


@pytest.mark.parametrize(
    ("language_tag", "subject", "shipped"),
    [("de", "de NewDevice", None), ("fr", None, "fr"), ("pt", None, "pt-BR"), ("it", None, "en")],
)
def test_a_notice_falls_back_to_the_shipped_wording_alone(
    language_tag: str, subject: str | None, shipped: str | None
) -> None:
    custom_ones = [custom("de", "NewDevice"), custom("fr", "Generic")]
    found = Wordings(custom_ones, [own("Generic")], takes_custom=True, fallback="en")
    cell = found.cell(Key.of(language_tag, "NewDevice"))
    expected = subject or shipped_notice(shipped or "", "NewDevice").subject
    assert cell.template
    assert (cell.template.subject, cell.shipped) == (expected, shipped)
    assert cell.is_own is (shipped is None)


def test_where_a_provider_has_the_wording_a_notice_is_a_generic_mail() -> None:
    found = Wordings([], [own("Generic")], takes_custom=False, fallback="en")
    assert found.cell(Key.of("de", "NewDevice")).template == own("Generic")


def test_a_notice_nobody_touched_is_told_apart() -> None:
    key = Key.of("de", "NewDevice")
    wording = shipped_wording(key)
    assert wording
    assert wording.usage_type == "NewDevice"
    row = CustomTemplate(
        language_tag="de", usage_type="NewDevice", template=wording.model_dump(by_alias=True)
    )
    assert Wordings([row], [], takes_custom=True, fallback="en").cell(key).is_as_shipped
    assert shipped_wording(Key.of("it", "NewDevice")) is None
