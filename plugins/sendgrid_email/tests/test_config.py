"""What an administrator may type, and what the error says if it cannot work."""

from collections.abc import Callable
from typing import Any

import pytest
from idp_sendgrid_email import SendGridConfig

from idp.connector_kit import InvalidConfig

Wire = Callable[..., dict[str, Any]]

# As Logto's connector shows it in its form.
OF_LOGTO: dict[str, Any] = {
    "apiKey": "SG.key",
    "fromEmail": "foo@example.com",
    "fromName": "Logto",
    "templates": [
        {"usageType": name, "type": kind, "subject": "Logto Template", "content": "Code {{code}}."}
        for name, kind in {
            "SignIn": "text/plain",
            "Register": "text/html",
            "ForgotPassword": "text/plain",
            "Generic": "text/plain",
        }.items()
    ],
}


def test_a_configuration_of_logto_fits_unchanged() -> None:
    config = SendGridConfig.parse(OF_LOGTO)
    kinds = [template.content_type for template in config.templates]
    assert kinds == ["text/plain", "text/html", "text/plain", "text/plain"]
    assert config.base_url == "https://api.sendgrid.com"


def test_the_name_of_the_sender_may_be_absent_or_blank() -> None:
    for changes in ({"fromName": ""}, {"fromName": None}):
        assert SendGridConfig.parse(OF_LOGTO | changes).from_name is None


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"apiKey": ""}, "apiKey", "is required"),
        ({"apiKey": "SG.a\r\nX-Evil: 1"}, "apiKey", "must be ASCII on one line"),
        ({"apiKey": "SG.schlüssel"}, "apiKey", "must be ASCII on one line"),
        ({"fromEmail": "nobody"}, "fromEmail", "must be exactly one mail address"),
        ({"fromEmail": "a@x.test,b@x.test"}, "fromEmail", "must be exactly one mail address"),
        ({"fromName": "Evil\r\nBcc: a@x.test"}, "fromName", "must not contain line breaks"),
        ({"replyTo": "nobody"}, "replyTo", "must be exactly one mail address"),
        ({"templates": []}, "templates", "must also hold a template for Register, SignIn"),
        ({"baseUrl": "http://api.sendgrid.com"}, "baseUrl", "must start with https://"),
        ({"baseUrl": "api.eu.sendgrid.com"}, "baseUrl", "must be a whole address"),
        ({"timeout": 0}, "timeout", "should be greater than 0"),
        ({"api_key": "SG.b"}, "api_key", "did you mean apiKey?"),
        ({"fromMail": "a@x.test"}, "fromMail", "did you mean fromEmail?"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    changes: dict[str, object], key: str, problem: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SendGridConfig.parse(OF_LOGTO | changes)
    assert problem in caught.value.problems[key]
    assert "SG." not in str(caught.value)


def test_a_template_has_one_content_type(wire: Wire) -> None:
    config = wire()
    config["templates"][0]["contentType"] = "text/html"
    with pytest.raises(InvalidConfig, match="did you mean contentType"):
        SendGridConfig.parse(config)


@pytest.mark.parametrize("key", [" SG.key\n", "SG.key"])
def test_blanks_around_the_key_are_dropped(key: str) -> None:
    config = SendGridConfig.parse(OF_LOGTO | {"apiKey": key})
    assert config.api_key.get_secret_value() == "SG.key"
    assert "SG.key" not in repr(config)


def test_the_address_may_end_with_a_slash() -> None:
    config = SendGridConfig.parse(OF_LOGTO | {"baseUrl": "https://api.eu.sendgrid.com/"})
    assert config.base_url == "https://api.eu.sendgrid.com"
