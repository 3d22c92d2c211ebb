"""Tests of the order in which templates are chosen."""

import pytest

from idp.connector_kit import (
    REQUIRED_USAGE_TYPES,
    EmailTemplate,
    InvalidConfig,
    TemplateNotFound,
    TemplateSet,
    UsageType,
)


def template(usage_type: str, subject: str = "own") -> EmailTemplate:
    return EmailTemplate.parse({"usageType": usage_type, "subject": subject, "content": "c"})


@pytest.mark.parametrize(
    ("own", "custom", "chosen"),
    [
        (["SignIn", "Generic"], "SignIn", ("custom", "SignIn")),
        (["SignIn", "Generic"], "Generic", ("own", "SignIn")),
        (["SignIn", "Generic"], None, ("own", "SignIn")),
        (["Generic"], "SignIn", ("custom", "SignIn")),
        (["Generic"], "Generic", ("custom", "Generic")),
        (["Generic"], None, ("own", "Generic")),
        ([], "Generic", ("custom", "Generic")),
        (["Register", "Generic"], None, ("own", "Generic")),
    ],
)
def test_the_most_specific_template_is_chosen(
    own: list[str], custom: str | None, chosen: tuple[str, str]
) -> None:
    templates = TemplateSet(template(usage_type) for usage_type in own)
    found = templates.select(UsageType.SIGN_IN, template(custom, "custom") if custom else None)
    assert (found.subject, found.usage_type) == chosen


def test_no_template_at_all_is_an_error_that_names_the_usage_type() -> None:
    with pytest.raises(TemplateNotFound, match="SignIn"):
        TemplateSet([template("Register")]).select(UsageType.SIGN_IN)


def test_the_first_of_two_templates_for_one_usage_type_counts() -> None:
    templates = TemplateSet([template("SignIn", "first"), template("SignIn", "second")])
    assert templates.select(UsageType.SIGN_IN).subject == "first"


def test_missing_required_usage_types_are_named() -> None:
    assert TemplateSet([]).missing() == list(REQUIRED_USAGE_TYPES)
    assert TemplateSet([template("Generic"), template("BindMfa")]).missing() == [
        UsageType.REGISTER,
        UsageType.SIGN_IN,
        UsageType.FORGOT_PASSWORD,
    ]


def test_a_template_of_a_usage_type_of_the_future_is_kept() -> None:
    assert template("SomethingNew").usage_type == "SomethingNew"


def test_a_template_of_an_unknown_content_type_is_refused() -> None:
    with pytest.raises(InvalidConfig) as refusal:
        EmailTemplate.parse(
            {"usageType": "SignIn", "contentType": "text/rtf", "subject": "s", "content": "c"}
        )
    assert list(refusal.value.problems) == ["contentType"]
