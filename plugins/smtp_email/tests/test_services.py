"""Providers by name."""

from collections.abc import Callable
from typing import Any

import pytest
from idp_smtp_email import SmtpConfig
from idp_smtp_email.services import SERVICES

from idp.connector_kit import InvalidConfig

Wire = dict[str, Any]


@pytest.fixture
def hostless(wire: Callable[..., Wire]) -> Callable[..., Wire]:
    def config(**changes: object) -> Wire:
        return {key: value for key, value in wire(**changes).items() if value is not None}

    return lambda **changes: config(**{"host": None, **changes})


@pytest.mark.parametrize(
    ("service", "host", "port", "secure"),
    [
        ("Gmail", "smtp.gmail.com", 465, True),
        ("gmail", "smtp.gmail.com", 465, True),
        ("Google Mail", "smtp.gmail.com", 465, True),
        ("Outlook365", "smtp.office365.com", 587, False),
        ("outlook 365", "smtp.office365.com", 587, False),
        ("SENDGRID", "smtp.sendgrid.net", 587, False),
        ("Aliyun", "smtpdm.aliyun.com", 465, True),
        ("aliyun-singapore", "smtpdm-ap-southeast-1.aliyuncs.com", 465, True),
        ("aliyun-ap-southeast-2", "smtpdm-ap-southeast-2.aliyun.com", 465, True),
        ("Aliyun-us-east-1", "smtpdm-us-east-1.aliyuncs.com", 465, True),
        ("Aliyun-Frankfurt", "smtpdm-eu-central-1.aliyuncs.com", 465, True),
        ("SES-EU-WEST-1", "email-smtp.eu-west-1.amazonaws.com", 465, True),
        ("Sendinblue", "smtp-relay.brevo.com", 587, False),
        ("163", "smtp.163.com", 465, True),
    ],
)
def test_a_name_gives_host_port_and_tls(
    hostless: Callable[..., Wire], service: str, host: str, port: int, secure: bool
) -> None:
    config = SmtpConfig.parse(hostless(service=service))
    assert (config.host, config.server_port, config.uses_tls) == (host, port, secure)
    assert config.verified_name == host


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_whole(hostless: Callable[..., Wire], service: str) -> None:
    config = SmtpConfig.parse(hostless(service=service.upper()))
    assert config.host == config.host.lower()
    assert (config.server_port, config.uses_tls) in {(465, True), (587, False)}


@pytest.mark.parametrize(
    ("changes", "host", "port", "uses_tls"),
    [
        ({"host": "mail.example.com"}, "mail.example.com", 465, True),
        ({"port": 587}, "smtp.gmail.com", 587, False),
        ({"port": 587, "secure": True}, "smtp.gmail.com", 587, True),
        ({"secure": False}, "smtp.gmail.com", 25, False),
        ({"secure": False, "auth": {"user": "u", "pass": "p"}}, "smtp.gmail.com", 587, False),
        ({"port": 2525, "host": "127.0.0.1"}, "127.0.0.1", 2525, False),
    ],
)
def test_explicit_keys_win(
    hostless: Callable[..., Wire], changes: Wire, host: str, port: int, uses_tls: bool
) -> None:
    config = SmtpConfig.parse(hostless(service="Gmail", **changes))
    assert (config.host, config.server_port, config.uses_tls) == (host, port, uses_tls)


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("Gmial", "did you mean Gmail?"),
        ("sendgird", "did you mean SendGrid?"),
        ("ses-eu-west-9", "did you mean SES-eu-west-"),
        ("postmrak", "did you mean Postmark?"),
        ("~", "give host and port instead"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    hostless: Callable[..., Wire], service: str, problem: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(hostless(service=service))
    assert problem in caught.value.problems["service"]
    assert "host" not in caught.value.problems


@pytest.mark.parametrize("service", [None, ""])
def test_without_a_service_the_host_is_required(
    hostless: Callable[..., Wire], service: str | None
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(hostless(service=service))
    assert caught.value.problems == {"host": "is required"}
