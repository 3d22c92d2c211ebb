"""Every key of the configuration: what it takes, what it refuses, what it says."""

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from idp_smtp_email import SmtpConfig

from idp.connector_kit import InvalidConfig

Wire = dict[str, Any]
MakeWire = Callable[..., Wire]

KEY_PEM = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----\n"

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


@pytest.mark.parametrize("login", [{}, {"type": "login"}])
@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_what_the_guide_of_logto_describes_fits_unchanged(login: Wire, content_type: str) -> None:
    """All the guide asks for; there the port is a text."""
    words = {"subject": "Code", "content": "Your code is {{code}}", "contentType": content_type}
    usage_types = ("Register", "SignIn", "ForgotPassword", "Generic")
    config = SmtpConfig.parse(
        {
            "host": "smtp.gmail.com",
            "port": "465",
            "fromEmail": "Example <you@gmail.com>",
            "templates": [{"usageType": usage_type, **words} for usage_type in usage_types],
            "auth": {"user": "you@gmail.com", "pass": "abcd efgh ijkl mnop", **login},
        }
    )
    assert (config.server_port, config.uses_tls) == (465, True)
    assert config.credentials is not None


def test_the_dot_of_an_absolute_name_is_not_looked_for_in_the_certificate(wire: MakeWire) -> None:
    config = SmtpConfig.parse(wire(host="smtp.example.com."))
    assert (config.host, config.verified_name) == ("smtp.example.com.", "smtp.example.com")


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
        {"dkim": []}, {"proxy": ""}, {"proxy": None},
        {"proxy": "socks5://proxy.test:1080"}, {"proxy": "http://user:p%40ss@[::1]:3128/"},
        {"service": "Gmail", "host": None}, {"service": "sendgrid", "port": 2525},
        {"secure": "true"}, {"dnsTimeout": "500"},
    ],
)  # fmt: skip
def test_a_value_is_taken(wire: MakeWire, changes: Wire) -> None:
    SmtpConfig.parse(wire(**changes))


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"host": ""}, "host", "is required"),
        ({"host": None}, "host", "is required"),
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
        ({"customHeaders": {"X" * 77: "1"}}, "customHeaders", "and short"),
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
        ({"service": "Gmial"}, "service", "did you mean Gmail?"),
        ({"proxy": "ftp://proxy.test:21"}, "proxy", "must be socks5://host:port or http://"),
        ({"proxy": "socks5://proxy.test"}, "proxy", "must be socks5://host:port"),
        ({"proxy": "socks5://no..name:1080"}, "proxy", "must be socks5://host:port"),
        ({"proxy": "socks5://:1080"}, "proxy", "must be socks5://host:port"),
        ({"proxy": "socks5://[proxy:1080"}, "proxy", "must be socks5://host:port"),
        ({"proxy": "http://proxy.test:99999"}, "proxy", "must be socks5://host:port"),
        ({"proxy": "http://proxy.test:80/path"}, "proxy", "must be socks5://host:port"),
        ({"proxy": f"http://{'u' * 256}:p@proxy.test:80"}, "proxy", "at most 255 bytes each"),
    ],
)
def test_a_wrong_value_is_named(wire: MakeWire, changes: Wire, key: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(**changes))
    assert problem in caught.value.problems.get(key, ""), caught.value.problems
    assert KEY_PEM not in repr(caught.value)


def test_secrets_are_shown_nowhere(wire: MakeWire, authority: trustme.CA) -> None:
    client = authority.issue_cert("idp@example.test")
    key = client.private_key_pem.bytes().decode()
    pem = "".join(blob.bytes().decode() for blob in client.cert_chain_pems)
    tls = {"cert": pem, "key": key, "passphrase": "hush-1"}
    ed25519 = Ed25519PrivateKey.generate()
    dkim_pem = ed25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    config = SmtpConfig.parse(
        wire(
            auth={"user": "u", "pass": "hush-2"},
            tls=tls,
            dkim={"domainName": "a.test", "keySelector": "s", "privateKey": dkim_pem},
            proxy="socks5://user:hush-3@proxy.test:1080",
        )
    )
    shown = repr(config) + str(config.model_dump()) + config.model_dump_json()
    assert not [
        secret for secret in ("hush-1", "hush-2", "hush-3", key, dkim_pem) if secret in shown
    ]
