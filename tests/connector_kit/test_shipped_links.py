"""The default wording of mails that carry a link beside their code."""

import pytest

from idp.connector_kit import UsageType, render
from idp.connector_kit.shipped_templates import (
    nearest_locale,
    shipped_link_template,
    shipped_locales,
)

LINK = "https://idp.example.test/links/7f3kq9?a=1&b=2"
PAYLOAD = {
    "application": {"name": "Acme"},
    "code": "428913",
    "expiresInMinutes": 10,
    "issuerHost": "idp.example.test",
    "link": LINK,
}


@pytest.mark.parametrize("locale", shipped_locales())
@pytest.mark.parametrize("usage_type", [UsageType.REGISTER, UsageType.SIGN_IN])
def test_both_parts_hold_the_code_and_the_link(locale: str, usage_type: UsageType) -> None:
    template = shipped_link_template(locale, usage_type)
    mail = render(template, PAYLOAD)
    assert template.usage_type == usage_type
    assert mail.html
    assert "{{" not in mail.subject + mail.text + mail.html
    assert "${" not in mail.text + mail.html
    assert f"\n{LINK}\n" in mail.text
    assert mail.text.endswith("\n\n@idp.example.test #428913\n")
    assert mail.html.count('href="https://idp.example.test/links/7f3kq9?a=1&amp;b=2"') == 1
    assert "428913" in mail.html


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="no default templates"):
        shipped_link_template("xx", UsageType.SIGN_IN)


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [(("pt-PT", "de"), "pt-BR"), (("xx", "de-AT"), "de"), (("xx", "yy"), "en"), ((), "en")],
)
def test_the_nearest_language_is_the_readers_then_the_fallback(
    wanted: tuple[str, ...], nearest: str
) -> None:
    assert nearest_locale(*wanted) == nearest
