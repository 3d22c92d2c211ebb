"""Which template a mail gets: the usage type counts before the language."""

import pytest
from sqlmodel import Session, select

from idp.connector_kit import EmailTemplate, TemplateSet, UsageType
from idp.connector_kit.shipped_templates import shipped_templates
from idp.outbox.wording import choose, custom_template, save_shipped_templates
from idp.storage import Database
from idp.storage.tables import CustomTemplate

LANGUAGES = ["pt-BR", "pt", "en"]
PRECEDENCE = [
    ("SignIn", "pt-BR"),
    ("SignIn", "pt"),
    ("SignIn", "en"),
    ("own", "SignIn"),
    ("Generic", "pt-BR"),
    ("Generic", "pt"),
    ("Generic", "en"),
    ("own", "Generic"),
]


def template(usage_type: str, subject: str) -> EmailTemplate:
    return EmailTemplate.model_validate(
        {"usageType": usage_type, "subject": subject, "content": "{{code}}"}
    )


def row(usage_type: str, tag: str) -> CustomTemplate:
    wording = template(usage_type, f"{usage_type} {tag}").model_dump(by_alias=True)
    return CustomTemplate(language_tag=tag, usage_type=usage_type, template=wording)


@pytest.mark.parametrize("first", range(len(PRECEDENCE)))
async def test_the_most_specific_template_wins(database: Database, first: int) -> None:
    """The whole order of precedence, each time with the more specific ones taken away."""
    available = PRECEDENCE[first:]
    own = TemplateSet([template(tag, f"own {tag}") for kind, tag in available if kind == "own"])

    def find(session: Session) -> EmailTemplate | None:
        session.add_all(row(kind, tag) for kind, tag in available if kind != "own")
        session.add_all([row("SignIn", "fr"), row("Register", "pt-BR")])  # never asked for
        session.flush()
        return custom_template(session, UsageType.SIGN_IN, "pt-BR", "en")

    chosen = own.select(UsageType.SIGN_IN, await database.run(find))
    assert chosen.subject == " ".join(PRECEDENCE[first])


async def test_without_custom_templates_the_connector_uses_its_own(database: Database) -> None:
    assert await database.run(custom_template, UsageType.SIGN_IN, "de", "en") is None


def test_a_generic_mail_is_not_offered_other_wordings() -> None:
    candidates = [row("SignIn", "en"), row("Generic", "en")]
    assert choose(candidates, UsageType.GENERIC, LANGUAGES) is candidates[1]
    assert choose(candidates[:1], UsageType.GENERIC, LANGUAGES) is None


async def test_shipped_templates_become_the_administrators_own(database: Database) -> None:
    await database.run(save_shipped_templates, ["en", "de"])
    await database.run(save_shipped_templates, ["de"])
    found = await database.run(custom_template, UsageType.REGISTER, "de-AT", "en")
    assert found
    assert "{{code}}" in found.subject
    rows = await database.run(lambda session: session.exec(select(CustomTemplate)).all())
    assert {row.language_tag for row in rows} == {"en", "de"}
    assert len(rows) == 2 * len(UsageType)


@pytest.mark.parametrize(
    ("asked", "found"), [("pt", "pt-BR"), ("pt-PT", "pt-BR"), ("zh-Hans", "zh-CN"), ("sv", "de")]
)
async def test_a_language_finds_the_templates_of_the_region_most_of_its_readers_live_in(
    database: Database, asked: str, found: str
) -> None:
    locales = ["pt-BR", "zh-CN", "de"]
    await database.run(save_shipped_templates, locales)
    chosen = await database.run(custom_template, UsageType.SIGN_IN, asked, "de")
    shipped = {locale: shipped_templates(locale) for locale in locales}
    assert chosen in shipped[found]
