"""Fields that the settings of many connectors have in common."""

import pytest
from pydantic import Field

from idp.connector_kit import (
    CompleteTemplates,
    EmailTemplate,
    EndpointUrl,
    FormConfig,
    HeaderSecret,
    InvalidConfig,
    MailboxText,
    Milliseconds,
)


class PigeonConfig(FormConfig):
    loft: EndpointUrl = "https://loft.example.test"
    password: HeaderSecret | None = None
    from_email: MailboxText = "pigeon@example.test"
    patience: Milliseconds = 5
    templates: CompleteTemplates[EmailTemplate] = Field(default_factory=list)


def problem(key: str, value: object) -> str:
    with pytest.raises(InvalidConfig) as caught:
        PigeonConfig.parse({key: value})
    return caught.value.problems[key]


def test_a_blank_optional_value_means_that_the_key_is_absent() -> None:
    blank = PigeonConfig.parse({"loft": "", "password": None, "fromEmail": "", "patience": ""})
    assert blank == PigeonConfig()


def test_what_is_no_object_at_all_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="must be an object"):
        PigeonConfig.parse([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["https://x.test", " https://x.test:8443/a?b=c ", "http://127.0.0.9/a", "http://localhost:1/"],
)
def test_an_endpoint_is_https_or_on_this_machine(url: str) -> None:
    assert PigeonConfig.parse({"loft": url}).loft == url.strip()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://x.test", "must start with https://"),
        ("http://127.0.0.1.x.test", "must start with https://"),
        ("ws://localhost", "must start with https://"),
        ("x.test/a", "must be a whole address"),
        ("https://", "must be a whole address"),
        ("https://x.test:0/", "must be a whole address"),
        ("https://x.test:port/", "must be a whole address"),
        ("https://[::1/", "must be a whole address"),
        ("https://größe.test", "must be a whole address"),
        ("https://me@x.test/", "neither a user name nor a #"),
        ("https://x.test/#a", "neither a user name nor a #"),
    ],
)
def test_another_endpoint_is_refused(url: str, words: str) -> None:
    assert words in problem("loft", url)


def test_a_secret_for_a_header_is_one_line_of_ascii() -> None:
    password = PigeonConfig.parse({"password": " a b\n"}).password
    assert password is not None
    assert password.get_secret_value() == "a b"
    assert problem("password", " ") == "is required"
    assert problem("password", "a\r\nb") == "must be ASCII on one line"


def test_the_other_fields_say_what_they_want() -> None:
    assert "exactly one mail address" in problem("fromEmail", "a,b")
    assert "greater than 0" in problem("patience", 0)
    assert "must also hold a template for Register" in problem("templates", [])
