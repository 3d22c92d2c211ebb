"""A template is looked at before a mail is sent with it, and that never takes long."""

import time

import pytest

from idp.administration.template_lint import costly, lint
from idp.connector_kit import EmailTemplate, UsageType
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

LARGE = 79 * 1024  # bytes; just small enough


def template(content: str, **details: str) -> EmailTemplate:
    known = {"usageType": "SignIn", "subject": "Your code", "text": "{{code}}"}
    return EmailTemplate.parse({**known, **details, "content": content})


@pytest.mark.parametrize("locale", shipped_locales())
def test_the_shipped_wording_has_nothing_to_complain_of(locale: str) -> None:
    assert [lint(each) for each in shipped_templates(locale)] == [[]] * len(UsageType)


@pytest.mark.parametrize("field", ["content", "text"])
def test_a_template_of_more_than_80_kb_is_refused_by_field(field: str) -> None:
    [found] = lint(template(**{"content": "{{code}}", field: "é{{code}}" * 9000}))
    assert (found.field, found.fatal) == (field, True)
    assert found.problem.startswith("is larger than 80 KB")


def test_a_subject_has_an_end() -> None:
    assert [each.field for each in lint(template("{{code}}", subject="x" * 501))] == ["subject"]


@pytest.mark.parametrize(
    ("subject", "problem"), [(" ", "is required"), ("a\nb", "must be on one line")]
)
def test_a_subject_is_one_line(subject: str, problem: str) -> None:
    assert [each.problem for each in lint(template("{{code}}", subject=subject))] == [problem]


@pytest.mark.parametrize("opened", ["<a ", "<!--", "</p", "<!", "<?", "<!-- -> "])
def test_markup_that_would_be_read_for_minutes_is_refused_at_once(opened: str) -> None:
    hostile = template("{{code}}" + opened * (LARGE // len(opened)))
    started = time.perf_counter()
    assert [each.problem for each in lint(hostile)] == ["ends within a tag or a comment"]
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("content", ["<p>{{code}}</p> 1 < 2", "<!-- a --> {{code}} <b>!</b>"])
def test_what_is_closed_is_no_such_markup(content: str) -> None:
    assert costly(template(content)) == []


@pytest.mark.parametrize("hostile", ["{{" + "a" * LARGE, "<img " * 16_000 + ">", " on" * 9000])
def test_no_text_makes_the_look_at_it_take_long(hostile: str) -> None:
    started = time.perf_counter()
    lint(template(hostile))
    assert time.perf_counter() - started < 1


def test_a_variable_another_kind_of_mail_has_is_doubtful() -> None:
    [found] = lint(template("{{code}} {{organization.name}}"))
    assert (found.field, found.fatal) == ("content", False)
    invitation = {"usageType": "OrganizationInvitation", "text": "{{link}}"}
    assert lint(template("{{link}} {{organization.name}} {{expiresInDays}}", **invitation)) == []
