"""The default wording of notices: no code, but when, where from and how to object."""

import re

import pytest

from idp.connector_kit import UsageType, render
from idp.connector_kit.rendering import placeholders
from idp.connector_kit.shipped_templates import shipped_locales, shipped_notice
from idp.outbox.notices import Notice

KNOWN = {
    "{{application.name}}",
    "{{issuerHost}}",
    "{{link}}",
    "{{request.device}}",
    "{{request.ip}}",
    "{{request.time}}",
}
LINK = "https://idp.example.test/links/7f3kq9?a=1&b=2"
PAYLOAD = {
    "application": {"name": "Acme & <Co>"},
    "issuerHost": "idp.example.test",
    "link": LINK,
    "request": {"ip": "192.0.2.7", "device": "Firefox, <i>Linux", "time": "2027-01-01 12:00 UTC"},
}
EVERY = [
    pytest.param(locale, notice, id=f"{notice}-{locale}")
    for locale in shipped_locales()
    for notice in Notice
]


@pytest.mark.parametrize(("locale", "notice"), EVERY)
def test_it_is_a_generic_mail_made_of_the_payload_alone(locale: str, notice: str) -> None:
    template = shipped_notice(locale, notice)
    assert template.usage_type == UsageType.GENERIC
    used = {*placeholders(template.content), *placeholders(template.text or "")}
    assert used == KNOWN
    assert "code}}" not in template.subject + template.content
    mail = render(template, PAYLOAD)
    assert "{{" not in mail.subject + mail.text + (mail.html or "")
    assert "${" not in mail.subject + mail.text + (mail.html or "")


@pytest.mark.parametrize(("locale", "notice"), EVERY)
def test_both_parts_say_when_where_from_and_how_to_object(locale: str, notice: str) -> None:
    mail = render(shipped_notice(locale, notice), PAYLOAD)
    assert mail.html
    for part in (mail.text, mail.html):
        assert "192.0.2.7" in part
        assert "2027-01-01 12:00 UTC" in part
    assert f"\n{LINK}\n" in mail.text
    assert 'href="https://idp.example.test/links/7f3kq9?a=1&amp;b=2"' in mail.html
    assert "<i>Linux" not in mail.html
    assert "&lt;Co&gt;" in mail.html
    assert re.search(rf'<html lang="{locale}" dir="ltr">', mail.html)


def test_the_wording_differs_between_languages_and_notices() -> None:
    subjects = {
        shipped_notice(locale, notice).subject for locale in shipped_locales() for notice in Notice
    }
    assert len(subjects) == len(EVERY)


@pytest.mark.parametrize("locale", ["xx", "EN"])
def test_an_unknown_language_is_refused(locale: str) -> None:
    with pytest.raises(ValueError, match="no notices"):
        shipped_notice(locale, Notice.NEW_DEVICE)
