"""Every shipped mail, byte for byte; `pytest tests/connector_kit --update-golden` writes them."""

import re
from pathlib import Path

import pytest

from idp.connector_kit import EmailRequest, EmailTemplate, Mailbox, UsageType, build_mime, render
from idp.connector_kit.rendering import placeholders
from idp.connector_kit.shipped_templates import (
    shipped_link_template,
    shipped_locales,
    shipped_notice,
    shipped_templates,
)
from idp.outbox.notices import Notice

GOLDEN = Path(__file__).parent / "golden"
LINKED = (UsageType.REGISTER, UsageType.SIGN_IN, UsageType.FORGOT_PASSWORD)


def shipped(locale: str) -> dict[str, EmailTemplate]:
    """Return every mail there is in a language, by the name of its file."""
    templates = {str(template.usage_type): template for template in shipped_templates(locale)}
    linked = {
        f"{usage_type}.link": shipped_link_template(locale, usage_type) for usage_type in LINKED
    }
    return templates | linked | {notice: shipped_notice(locale, notice) for notice in Notice}


MAILS = [
    pytest.param(f"{name}.{locale}", locale, template, id=f"{name}-{locale}")
    for locale in shipped_locales()
    for name, template in shipped(locale).items()
]
SHARED = {
    "expiresInDays": 7,
    "expiresInMinutes": 10,
    "issuer": "https://idp.example.test",
    "issuerHost": "idp.example.test",
    "application": {"name": "Café Müller & Söhne"},
    "organization": {"name": "Lab <漢字>"},
    "request": {"ip": "192.0.2.7", "device": "Firefox, Linux", "time": "2027-01-01 12:00 UTC"},
}
LINK = "https://idp.example.test/links/7f3kq9?a=1&b=2"


def message(locale: str, template: EmailTemplate) -> bytes:
    """Build a mail whose date and boundary, the only parts left to chance, are always the same."""
    used = {*placeholders(template.content), *placeholders(template.text or "")}
    opens = {"code": "428913"} if "{{code}}" in used else {}
    request = EmailRequest(
        to="reader@example.test",
        usage_type=UsageType(template.usage_type),
        payload=SHARED | opens | ({"link": LINK} if "{{link}}" in used else {}),
        locale=locale,
        message_id="0f6c3c1e5d2a4b7f",
    )
    raw = build_mime(
        render(template, request.payload),
        request,
        sender=Mailbox("no-reply@example.test", "Café Müller"),
        reply_to=Mailbox("help@example.test", "Müller, Zoë"),
        headers={"X-Tag": "codes"},
    )
    dated = re.sub(rb"(?m)^Date: .*\r$", b"Date: Fri, 01 Jan 2027 00:00:00 +0000\r", raw)
    return re.sub(rb"=_[0-9a-f]{24}", b"=_00000000boundary00000000", dated)


@pytest.mark.parametrize(("name", "locale", "template"), MAILS)
def test_every_shipped_mail_is_the_golden_one(
    name: str, locale: str, template: EmailTemplate, update_golden: bool
) -> None:
    file = GOLDEN / f"{name}.eml"
    raw = message(locale, template)
    if update_golden:
        file.write_bytes(raw)
    assert raw == file.read_bytes()
    assert len(raw) < 20_000


def test_no_golden_mail_is_left_over() -> None:
    names = {f"{param.values[0]}.eml" for param in MAILS}
    assert names == {file.name for file in GOLDEN.glob("*.eml")}
