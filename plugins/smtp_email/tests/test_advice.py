"""The replies that are met most often, and what an administrator is told."""

from collections.abc import Callable
from typing import Any

import pytest
from aiosmtplib import SMTPResponse
from idp_smtp_email import SmtpConfig
from idp_smtp_email.advice import advice_for, endpoint_advice
from idp_smtp_email.failures import Stage, provider_reply

from idp.connector_kit import Mask

PASSWORD = {"user": "u", "pass": "p"}
OAUTH2 = {"type": "OAuth2", "user": "u", "accessToken": "a"}

NO_BASIC = (
    "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. "
    "Visit https://aka.ms/smtp_auth_disabled for more information. [XX0P000CA0001.EURP000]"
)
BASIC_OFF = "5.7.30 Basic authentication is not supported for Client Submission."
BAD_CREDENTIALS = (
    "5.7.8 Username and Password not accepted. For more information, go to\n"
    "5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp"
)
APP_PASSWORD = (
    "5.7.9 Application-specific password required. For more information, go to\n"
    "5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp"
)


@pytest.mark.parametrize(
    ("reply_code", "text", "auth", "advice"),
    [
        (535, NO_BASIC, PASSWORD, "set auth.type to OAuth2 (Microsoft switches"),
        (550, BASIC_OFF, PASSWORD, "set auth.type to OAuth2 (Microsoft switches"),
        (535, NO_BASIC, OAUTH2, "allow Authenticated SMTP"),
        (534, APP_PASSWORD, PASSWORD, "create an app password"),
        (535, BAD_CREDENTIALS, PASSWORD, "create an app password"),
        (535, BAD_CREDENTIALS, OAUTH2, "The access token is not good for this mailbox"),
        (535, "5.7.3 Authentication unsuccessful", OAUTH2, "The access token is not good"),
        (535, "5.7.8 Error: authentication failed", PASSWORD, None),
    ],
)
def test_a_known_refusal_comes_with_advice(
    wire: Callable[..., Any], reply_code: int, text: str, auth: object, advice: str | None
) -> None:
    reply = provider_reply(Stage.AUTH, SMTPResponse(reply_code, text), Mask([]))
    given = advice_for(reply, SmtpConfig.parse(wire(auth=auth)))
    assert (given is None) == (advice is None)
    assert (advice or "") in (given or "")


def test_an_unknown_answer_of_the_endpoint_comes_with_advice_too() -> None:
    assert endpoint_advice("interaction_required") == "check auth.accessUrl and the keys of auth"
