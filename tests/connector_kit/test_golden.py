"""Every shipped mail, byte for byte; `pytest tests/connector_kit --update-golden` writes them."""

import re
from pathlib import Path

import pytest

from idp.connector_kit import EmailRequest, EmailTemplate, Mailbox, UsageType, build_mime, render
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

GOLDEN = Path(__file__).parent / "golden"
MAILS = [
    pytest.param(locale, template, id=f"{template.usage_type}-{locale}")
    for locale in shipped_locales()
    for template in shipped_templates(locale)
]
SHARED = {
    "expiresInMinutes": 10,
    "issuer": "https://idp.example.test",
    "issuerHost": "idp.example.test",
    "application": {"name": "Café Müller & Söhne"},
    "organization": {"name": "Lab <漢字>"},
}


def message(locale: str, template: EmailTemplate) -> bytes:
    """Build a mail whose date and boundary, the only parts left to chance, are always the same."""
    is_invitation = template.usage_type == UsageType.ORGANIZATION_INVITATION
    link = "https://idp.example.test/invitations/7f3kq9?a=1&b=2"
    request = EmailRequest(
        to="reader@example.test",
        usage_type=UsageType(template.usage_type),
        payload=SHARED | ({"link": link} if is_invitation else {"code": "428913"}),
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


@pytest.mark.parametrize(("locale", "template"), MAILS)
def test_every_shipped_mail_is_the_golden_one(
    locale: str, template: EmailTemplate, update_golden: bool
) -> None:
    file = GOLDEN / f"{template.usage_type}.{locale}.eml"
    raw = message(locale, template)
    if update_golden:
        file.write_bytes(raw)
    assert raw == file.read_bytes()
    assert len(raw) < 20_000


def test_no_golden_mail_is_left_over() -> None:
    names = {f"{param.values[1].usage_type}.{param.values[0]}.eml" for param in MAILS}  # type: ignore[union-attr]
    assert names == {file.name for file in GOLDEN.glob("*.eml")}
