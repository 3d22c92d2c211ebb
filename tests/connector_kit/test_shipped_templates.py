"""Tests of the default wording."""

import re

import pytest

from idp.connector_kit import (
    EmailRequest,
    EmailTemplate,
    Mailbox,
    RenderedEmail,
    UsageType,
    build_mime,
    render,
)
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

SHARED = {
    "expiresInDays": 7,
    "expiresInMinutes": 10,
    "issuerHost": "idp.example.test",
    "application": {"name": "Acme & <Co>"},
    "organization": {"name": "Lab & <Co>"},
}
LINK = "https://idp.example.test/invitations/7f3kq9?a=1&b=2"
INVITATION = UsageType.ORGANIZATION_INVITATION.value
EVERY_TEMPLATE = [
    pytest.param(template, id=f"{locale}-{template.usage_type}")
    for locale in shipped_locales()
    for template in shipped_templates(locale)
]
CODE_TEMPLATES = [param for param in EVERY_TEMPLATE if INVITATION not in str(param.id)]
INVITATIONS = [param for param in EVERY_TEMPLATE if INVITATION in str(param.id)]


def rendered(template: EmailTemplate) -> RenderedEmail:
    content = {"link": LINK} if template.usage_type == INVITATION else {"code": "428913"}
    return render(template, {**SHARED, **content})


def markup(template: EmailTemplate) -> str:
    html = rendered(template).html
    assert html is not None
    return html


@pytest.mark.parametrize("locale", shipped_locales())
def test_every_language_has_every_usage_type(locale: str) -> None:
    usage_types = [template.usage_type for template in shipped_templates(locale)]
    assert usage_types == [usage_type.value for usage_type in UsageType]


def test_seven_languages_are_shipped() -> None:
    assert shipped_locales() == ["de", "en", "es", "fr", "ja", "pt-BR", "zh-CN"]


@pytest.mark.parametrize("locale", ["xx", "EN", "../shipped/en", ""])
def test_an_unknown_language_is_refused(locale: str) -> None:
    with pytest.raises(ValueError, match="there are de, en"):
        shipped_templates(locale)


def test_changing_the_answer_changes_nothing_else() -> None:
    shipped_templates("en").clear()
    shipped_locales().clear()
    assert shipped_templates("en")
    assert shipped_locales()


@pytest.mark.parametrize("template", EVERY_TEMPLATE)
def test_no_placeholder_is_left(template: EmailTemplate) -> None:
    email = rendered(template)
    assert "{{" not in email.subject + email.text + markup(template)
    assert "${" not in email.subject + email.text + markup(template)


@pytest.mark.parametrize("template", EVERY_TEMPLATE)
def test_the_whole_message_is_under_20_kb(template: EmailTemplate) -> None:
    request = EmailRequest(to="reader@example.test", usage_type=UsageType.SIGN_IN, payload={})
    message = build_mime(rendered(template), request, sender=Mailbox("idp@example.test"))
    assert len(message) < 20_000


@pytest.mark.parametrize("template", CODE_TEMPLATES)
def test_the_code_comes_first_in_the_subject(template: EmailTemplate) -> None:
    assert rendered(template).subject.startswith("428913 ")


@pytest.mark.parametrize("template", CODE_TEMPLATES)
def test_the_code_is_the_only_six_digit_number(template: EmailTemplate) -> None:
    email = rendered(template)
    assert set(re.findall(r"(?<!\d)\d{6}(?!\d)", email.text)) == {"428913"}
    visible = re.sub(r"<[^>]*>", "", re.sub(r"(?s)<style>.*</style>", "", markup(template)))
    assert re.findall(r"\d{6}", visible) == ["428913"]


@pytest.mark.parametrize("template", CODE_TEMPLATES)
def test_the_last_line_binds_the_code_to_its_host(template: EmailTemplate) -> None:
    assert rendered(template).text.endswith("\n\n@idp.example.test #428913\n")


@pytest.mark.parametrize("template", CODE_TEMPLATES)
def test_both_parts_tell_lifetime_and_host(template: EmailTemplate) -> None:
    for part in (rendered(template).text, markup(template)):
        assert re.search(r"\b10 (Minut|分钟)|10分", part, re.IGNORECASE)
        assert part.count("idp.example.test") >= 2


@pytest.mark.parametrize("template", CODE_TEMPLATES)
def test_the_preheader_does_not_repeat_the_code(template: EmailTemplate) -> None:
    preheader = re.search(r'<div style="display:none[^>]*>([^<]+)</div>', markup(template))
    assert preheader is not None
    assert "428913" not in preheader[1]


@pytest.mark.parametrize("template", INVITATIONS)
def test_an_invitation_holds_its_link_in_both_parts_and_no_code(template: EmailTemplate) -> None:
    assert f"\n{LINK}\n" in rendered(template).text
    assert (
        markup(template).count('href="https://idp.example.test/invitations/7f3kq9?a=1&amp;b=2"')
        == 2
    )
    assert "code" not in template.content.lower()
    assert "{{code}}" not in template.subject + (template.text or "")


@pytest.mark.parametrize("template", EVERY_TEMPLATE)
def test_values_stand_escaped_in_html_and_as_they_are_in_text(template: EmailTemplate) -> None:
    assert "Acme & <Co>" in rendered(template).text
    assert "Acme &amp; &lt;Co&gt;" in markup(template)
    assert "<Co>" not in markup(template)


@pytest.mark.parametrize("template", EVERY_TEMPLATE)
def test_the_html_loads_nothing_and_works_in_the_dark(template: EmailTemplate) -> None:
    for word in ("<img", "<link", "<script", "src=", "url(", "@import", "http://"):
        assert word not in template.content
    assert '<meta name="color-scheme" content="light dark">' in template.content
    assert "@media (prefers-color-scheme: dark)" in template.content
    assert template.content.count("<table") == template.content.count('<table role="presentation"')


@pytest.mark.parametrize("locale", shipped_locales())
def test_the_html_names_its_language_and_direction(locale: str) -> None:
    for template in shipped_templates(locale):
        assert re.search(rf'<html lang="{locale}" dir="(ltr|rtl)">', template.content)
