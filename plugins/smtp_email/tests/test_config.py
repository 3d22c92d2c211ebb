"""Every key of the configuration: what it takes, what it refuses, what it says."""

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from idp_smtp_email import SmtpConfig

from idp.connector_kit import InvalidConfig

Wire = dict[str, Any]
MakeWire = Callable[..., Wire]

KEY_PEM = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n"
NOT_YET = "is understood but not supported by this version of idp-smtp-email"

# What Logto's form saves when every field, the advanced ones included, is filled in.
LOGTO = {
    "host": "smtp.example.com",
    "port": 587,
    "auth": {"type": "login", "user": "mailer", "pass": "open-sesame-77"},
    "fromEmail": "Example <no-reply@example.com>",
    "replyTo": "support@example.com",
    "templates": [
        {"usageType": usage_type, "contentType": "text/plain", "subject": "", "content": "{{code}}"}
        for usage_type in (
            "SignIn", "Register", "ForgotPassword", "OrganizationInvitation", "Generic",
            "UserPermissionValidation", "BindNewIdentifier", "MfaVerification", "BindMfa",
        )
    ],
    "logger": True,
    "debug": True,
    "disableFileAccess": True,
    "disableUrlAccess": True,
    "name": "idp.example.com",
    "localAddress": "192.0.2.7",
    "connectionTimeout": 120000,
    "greetingTimeout": 30000,
    "socketTimeout": 600000,
    "dnsTimeout": 30000,
    "secure": False,
    "tls": {},
    "servername": "smtp.example.com",
    "ignoreTLS": False,
    "requireTLS": True,
    "customHeaders": {},
}  # fmt: skip


def test_a_logto_configuration_fits_unchanged() -> None:
    config = SmtpConfig.parse(LOGTO)
    assert (config.host, config.server_port) == ("smtp.example.com", 587)
    assert config.credentials is not None
    assert config.credentials[1].get_secret_value() == "open-sesame-77"
    assert (config.require_tls, config.ignore_tls, config.uses_tls) == (True, False, False)
    assert (config.connection_timeout, config.greeting_timeout) == (120000, 30000)
    assert (config.socket_timeout, config.dns_timeout) == (600000, 30000)
    assert (config.name, str(config.local_address)) == ("idp.example.com", "192.0.2.7")
    assert config.verified_name == "smtp.example.com"


def test_the_clocks_have_the_documented_defaults(wire: MakeWire) -> None:
    config = SmtpConfig.parse(wire())
    clocks = (config.connection_timeout, config.greeting_timeout, config.socket_timeout)
    assert (*clocks, config.dns_timeout) == (10000, 10000, 30000, 5000)


@pytest.mark.parametrize(
    ("changes", "port", "uses_tls"),
    [
        ({}, 25, False),
        ({"auth": {}}, 25, False),
        ({"auth": {"user": "u", "pass": "p"}}, 587, False),
        ({"secure": True}, 465, True),
        ({"secure": True, "auth": {"user": "u", "pass": "p"}}, 465, True),
        ({"port": 465}, 465, True),
        ({"port": 465, "secure": False}, 465, False),
        ({"port": "2525"}, 2525, False),
    ],
)
def test_port_and_tls_follow_from_each_other(
    wire: MakeWire, changes: Wire, port: int, uses_tls: bool
) -> None:
    config = SmtpConfig.parse(wire(**changes))
    assert (config.server_port, config.uses_tls) == (port, uses_tls)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "xn--bcher-kva.example"}, {"host": "bücher.example"}, {"host": "::1"},
        {"host": "relay"}, {"host": "smtp.example.com."},
        {"auth": None}, {"auth": {"type": "LOGIN"}}, {"auth": {"user": "", "pass": ""}},
        {"auth": {"user": "u", "pass": "p", "type": "Login"}},
        {"replyTo": "Help <help@example.com>"}, {"replyTo": ""}, {"envelopeFrom": None},
        {"envelopeFrom": "bounces@example.com"},
        {"customHeaders": {"X-One": "1", "X-Two": ["2", "3"], "Reply-To": "a@example.com"}},
        {"tls": {}}, {"tls": None}, {"tls": {"ca": "", "minVersion": "TLSv1"}},
        {"tls": {"rejectUnauthorized": False, "servername": "a.example", "ciphers": "SSLv3"}},
        {"servername": "mail.example.com"}, {"name": "[192.0.2.1]"}, {"localAddress": "::1"},
        {"service": ""}, {"service": None}, {"pool": {}}, {"pool": False}, {"dkim": {}},
        {"dkim": []}, {"proxy": ""}, {"proxy": None}, {"secure": "true"}, {"dnsTimeout": "500"},
    ],
)  # fmt: skip
def test_a_value_is_taken(wire: MakeWire, changes: Wire) -> None:
    SmtpConfig.parse(wire(**changes))


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"host": ""}, "host", "must be a host name"),
        ({"host": "<host>"}, "host", "must be a host name or an IP address"),
        ({"host": "smtp.example.com:587"}, "host", "without protocol and port"),
        ({"host": "smtp..example.com"}, "host", "must be a host name"),
        ({"port": "smtp"}, "port", "valid integer"),
        ({"port": 70000}, "port", "less than or equal to 65535"),
        ({"port": 0}, "port", "greater than or equal to 1"),
        ({"auth": "mailer"}, "auth", "must be an object"),
        ({"auth": {"user": "u"}}, "auth", "user and pass must be given together"),
        ({"auth": {"pass": "p"}}, "auth.pass", "user and pass must be given together"),
        ({"auth": {"usr": "u", "pass": "p"}}, "auth.usr", "did you mean user?"),
        ({"auth": {"type": "NTLM", "user": "u"}}, "auth.type", "must be login or OAuth2"),
        ({"auth": {"user": "u", "pass": "p", "scope": "s"}}, "auth.scope", "not go together"),
        ({"fromEmail": ""}, "fromEmail", "exactly one mail address"),
        ({"fromEmail": "a@b.test, c@d.test"}, "fromEmail", "exactly one mail address"),
        ({"fromEmail": "a@b.test\r\nBcc: c@d.test"}, "fromEmail", "line breaks"),
        ({"replyTo": "nobody"}, "replyTo", "exactly one mail address"),
        ({"envelopeFrom": "A <a@b.test>"}, "envelopeFrom", "written as `name@domain`"),
        (
            {"templates": []},
            "templates",
            "a template for Register, SignIn, ForgotPassword, Generic",
        ),
        ({"templates": None}, "templates", "valid list"),
        ({"customHeaders": {"Bcc": "x@y.test"}}, "customHeaders", "Bcc is written by the server"),
        ({"customHeaders": {"content-type": "x"}}, "customHeaders", "content-type is written"),
        ({"customHeaders": {"X A": "1"}}, "customHeaders", "without blanks"),
        ({"customHeaders": {"X-A": "1\r\nBcc: x"}}, "customHeaders", "X-A must not hold a line"),
        ({"customHeaders": {"X-A": ["1", "\0"]}}, "customHeaders", "X-A must not hold a line"),
        ({"customHeaders": {"X-A": 1}}, "customHeaders.X-A", "valid list"),
        ({"secure": "perhaps"}, "secure", "valid boolean"),
        ({"requireTLS": 7}, "requireTLS", "valid boolean"),
        ({"ignoreTLS": True, "requireTLS": True}, "ignoreTLS", "exclude each other"),
        ({"requireTls": True}, "requireTls", "did you mean requireTLS?"),
        ({"tls": {"ca": "/etc/ssl/ca.pem"}}, "tls.ca", "not a path"),
        ({"tls": {"cert": "/etc/ssl/my.pem"}}, "tls.cert", "not a path"),
        ({"tls": {"key": "/etc/ssl/my.key"}}, "tls.key", "not a path"),
        ({"tls": {"key": KEY_PEM}}, "tls.key", "cert and key must be given together"),
        ({"tls": {"minVersion": "SSLv3"}}, "tls.minVersion", "'TLSv1.2' or 'TLSv1.3'"),
        ({"tls": {"minVersion": "TLSv1.3", "maxVersion": "TLSv1.2"}}, "tls.maxVersion", "older"),
        ({"tls": {"ciphers": "HOPE"}}, "tls.ciphers", "no cipher here is known"),
        ({"tls": {"rejectUnauthorised": 1}}, "tls.rejectUnauthorised", "mean rejectUnauthorized?"),
        ({"tls": {"passphrase": 1}}, "tls.passphrase", "valid string"),
        ({"tls": {"servername": "a b"}}, "tls.servername", "must be a host name"),
        ({"servername": "a b"}, "servername", "must be a host name"),
        ({"name": "<Logto-SMTP>"}, "name", "must be ASCII without blanks"),
        ({"name": "büro"}, "name", "must be ASCII without blanks"),
        ({"localAddress": "eth0"}, "localAddress", "not a valid IPv4 or IPv6 address"),
        ({"connectionTimeout": 0}, "connectionTimeout", "greater than 0"),
        ({"greetingTimeout": -1}, "greetingTimeout", "greater than 0"),
        ({"socketTimeout": "soon"}, "socketTimeout", "valid integer"),
        ({"dnsTimeout": 1.5}, "dnsTimeout", "valid integer"),
        ({"logger": "x"}, "logger", "valid boolean"),
        ({"debug": []}, "debug", "valid boolean"),
        ({"disableFileAccess": "x"}, "disableFileAccess", "valid boolean"),
        ({"disableUrlAccess": "x"}, "disableUrlAccess", "valid boolean"),
        ({"service": 1}, "service", "valid string"),
        ({"pool": True}, "pool", "must be an object"),
        ({"pool": {"maxConnections": 0}}, "pool.maxConnections", "greater than 0"),
        ({"pool": {"maxConnection": 1}}, "pool.maxConnection", "did you mean maxConnections?"),
        ({"dkim": {"domainName": "a.test"}}, "dkim.privateKey", "is required"),
        ({"proxy": "ftp://proxy.test"}, "proxy", "must be a socks5:// or http:// URL"),
    ],
)
def test_a_wrong_value_is_named(wire: MakeWire, changes: Wire, key: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(**changes))
    assert problem in caught.value.problems.get(key, ""), caught.value.problems
    assert KEY_PEM not in repr(caught.value)


OAUTH2 = {"type": "OAuth2", "user": "u@example.com"}
CLIENT = {"clientId": "c", "clientSecret": "s"}
MICROSOFT = {"accessUrl": "https://login.example.com/t", "scope": "x"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auth", {**OAUTH2, **CLIENT, "refreshToken": "r", "expires": 1, "accessToken": "a"}),
        ("auth", {"user": "u", **CLIENT, "refreshToken": "r"}),
        ("auth", {**OAUTH2, "type": "OAUTH2", "accessToken": "a"}),
        ("auth", {**OAUTH2, "serviceClient": "1", "privateKey": KEY_PEM, "scope": "x"}),
        ("auth", {"user": "u", "serviceClient": "1", "privateKey": {"key": KEY_PEM}}),
        ("auth", {**OAUTH2, **CLIENT, **MICROSOFT}),
        ("auth", {**OAUTH2, **MICROSOFT, "clientId": "c", "privateKey": KEY_PEM}),
        ("service", "Gmail"),
        ("pool", {"maxConnections": 5, "maxMessages": 100, "idleTimeout": 1, "rateLimit": 5}),
        ("pool", {"rateDelta": 1000}),
        ("dkim", {"domainName": "a.test", "keySelector": "s", "privateKey": KEY_PEM}),
        ("dkim", [{"domainName": "a.test", "keySelector": "s", "privateKey": KEY_PEM}] * 2),
        ("proxy", "socks5://proxy.test:1080"),
        ("proxy", "http://user:secret@proxy.test:3128"),
    ],
)
def test_a_key_of_a_later_version_is_refused(wire: MakeWire, key: str, value: object) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(**{key: value}))
    assert list(caught.value.problems) == [key]
    assert NOT_YET in caught.value.problems[key]


@pytest.mark.parametrize(
    ("auth", "key", "problem"),
    [
        (OAUTH2, "auth.clientId", "is required"),
        ({**OAUTH2, **MICROSOFT, "clientId": "c"}, "auth", "exactly one of clientSecret and"),
        ({**OAUTH2, **CLIENT, **MICROSOFT, "accessUrl": "x"}, "auth.accessUrl", "valid URL"),
        ({**OAUTH2, "serviceClient": "1"}, "auth.privateKey", "is required"),
        ({**OAUTH2, "serviceClient": "1", "privateKey": "k.pem"}, "auth.privateKey", "not a path"),
        ({**OAUTH2, "accessToken": "a", "expires": "later"}, "auth.expires", "valid integer"),
    ],
)
def test_the_form_of_oauth2_is_checked(wire: MakeWire, auth: Wire, key: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(auth=auth))
    assert problem in caught.value.problems.get(key, ""), caught.value.problems


def test_secrets_are_shown_nowhere(wire: MakeWire, authority: trustme.CA) -> None:
    client = authority.issue_cert("idp@example.test")
    key = client.private_key_pem.bytes().decode()
    pem = "".join(blob.bytes().decode() for blob in client.cert_chain_pems)
    tls = {"cert": pem, "key": key, "passphrase": "hush-1"}
    config = SmtpConfig.parse(wire(auth={"user": "u", "pass": "hush-2"}, tls=tls))
    shown = repr(config) + str(config.model_dump()) + config.model_dump_json()
    assert not [secret for secret in ("hush-1", "hush-2", key) if secret in shown]
