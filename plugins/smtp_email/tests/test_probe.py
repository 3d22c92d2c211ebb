"""A test send shows each step, and what to do about the one that failed."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from idp_smtp_email import SmtpConfig
from idp_smtp_email.advice import advice_for
from oauth2_endpoint import running_token_endpoint

from idp.connector_kit import EmailRequest, EmailTemplate, ProbeStep, ProviderReply

Start = Callable[..., Any]
SENDING = ["MAIL", "RCPT", "DATA", "reply"]


def details(steps: list[ProbeStep]) -> dict[str, str]:
    """Return the last detail of each step, once all of them worked."""
    assert [step for step in steps if not step.ok or step.advice or step.seconds < 0] == []
    return {step.name: step.detail for step in steps}


def failed(steps: list[ProbeStep]) -> ProbeStep:
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    return steps[-1]


async def test_a_send_over_starttls_shows_all_steps(
    mail_server: Start,
    connect: Start,
    request_for: Start,
    server_tls: ssl.SSLContext,
    authority_pem: str,
    credentials: object,
) -> None:
    async with mail_server(tls_context=server_tls) as server:
        connector = connect(server.port, auth=credentials, tls={"ca": authority_pem})
        steps = await connector.probe(request_for())
    names = ["DNS", "TCP", "banner", "EHLO", "TLS", "EHLO", "AUTH", *SENDING]
    assert [step.name for step in steps] == names
    shown = details(steps)
    assert (shown["DNS"], shown["TCP"]) == ("127.0.0.1", f"127.0.0.1 port {server.port}")
    assert shown["TLS"].startswith("TLSv1.3 TLS_AES_")
    assert "for 127.0.0.1 mail.example.test, issued by OU=Testing CA" in shown["TLS"]
    assert "AUTH LOGIN PLAIN" in shown["EHLO"]
    assert (shown["AUTH"], shown["reply"]) == ("PLAIN", "250 2.0.0 Ok: queued as Q1")
    assert len(server.emails) == 1


async def test_a_send_over_tls_from_the_first_byte_shows_tls_before_the_banner(
    mail_server: Start,
    connect: Start,
    request_for: Start,
    server_tls: ssl.SSLContext,
    authority_pem: str,
) -> None:
    async with mail_server(implicit_tls=server_tls) as server:
        connector = connect(server.port, secure=True, tls={"ca": authority_pem})
        steps = await connector.probe(request_for())
    assert [step.name for step in steps] == ["DNS", "TCP", "TLS", "banner", "EHLO", *SENDING]
    assert "valid until 3000-01-01" in details(steps)["TLS"]


async def test_a_certificate_that_was_not_checked_is_shown_all_the_same(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server(implicit_tls=self_signed()) as server:
        connector = connect(server.port, secure=True, tls={"rejectUnauthorized": False})
        steps = await connector.probe(request_for())
    assert "certificate of 127.0.0.1, issued by 127.0.0.1, valid" in details(steps)["TLS"]
    assert details(steps)["TLS"].endswith(", not checked")


async def test_a_test_send_has_a_connection_of_its_own(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server() as server:
        connector = connect(server.port)
        await connector.send(request_for())
        details(await connector.probe(request_for()))
        await connector.send(request_for())
    first, probed, last = server.sessions
    assert first is last
    assert probed is not first


async def test_the_time_of_a_slow_step_is_its_own(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async def slow(*_: object) -> str:
        await asyncio.sleep(0.1)
        return "250 at last"

    async with mail_server() as server:
        server.handle_DATA = slow
        steps = await connect(server.port).probe(request_for())
    seconds = {step.name: step.seconds for step in steps}
    assert seconds.pop("reply") > 0.1
    assert sum(seconds.values()) < 0.1


@pytest.mark.parametrize(
    ("script", "name", "advice"),
    [
        ({"greeting": "554 5.7.1 blocked"}, "banner", "turns this machine away"),
        ({"EHLO": "550 5.7.0 bad name"}, "EHLO", "set name to its full name"),
        ({"MAIL": "553 5.7.1 sender not owned"}, "MAIL", "check fromEmail"),
        ({"MAIL": "530 5.7.0 Authentication Required"}, "MAIL", "fill in auth"),
        ({"RCPT": "554 5.7.1 Relay access denied"}, "RCPT", "allowed to relay"),
        ({"RCPT": "504 5.5.2 Helo command rejected"}, "RCPT", "set name to its full name"),
        ({"RCPT": "550 5.1.1 User unknown"}, "RCPT", "an address that exists"),
        ({"message": "554 5.2.252 SendAsDenied"}, "reply", "may not send as this sender"),
        ({"message": "554 Email address is not verified"}, "reply", "verify the address or domain"),
        ({"EHLO": "421 4.7.0 Try again later (EHLO)"}, "EHLO", "set name to its full name"),
        ({"RCPT": "450 4.2.0 Greylisted"}, "RCPT", "greylisting"),
        ({"DATA": "452 4.3.1 full"}, "DATA", "cannot take this mail now"),
        ({"message": "550 5.4.5 Daily sending quota exceeded"}, "reply", "pool.rateLimit"),
        ({"message": "454 Throttling failure"}, "reply", "pool.rateLimit"),
        ({"message": ""}, "reply", "may have been taken"),
    ],
)
async def test_the_step_that_failed_says_what_to_do(
    scripted: Start, connect: Start, request_for: Start, script: Any, name: str, advice: str
) -> None:
    async with scripted(**script) as server:
        step = failed(await connect(server.port).probe(request_for()))
    assert step.name == name
    assert advice in (step.advice or "")


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        ("535 5.7.8 no", "check auth.user and auth.pass"),
        ("534 5.7.9 Application-specific password required", "create an app password"),
        ("535 5.7.139 SmtpClientAuthentication is disabled", "set auth.type to OAuth2"),
        ("454 4.7.0 Too many login attempts", "wait before the next test"),
    ],
)
async def test_a_refused_login_says_what_to_put_in_auth(
    scripted: Start,
    connect: Start,
    request_for: Start,
    credentials: object,
    reply: str,
    advice: str,
) -> None:
    script = {"EHLO": "250-mail.example.test\r\n250 AUTH PLAIN", "AUTH": reply}
    async with scripted(**script) as server:
        connector = connect(server.port, auth=credentials, ignoreTLS=True)
        step = failed(await connector.probe(request_for()))
    assert step.name == "AUTH"
    assert advice in (step.advice or "")


async def test_a_refused_refresh_token_says_what_to_do(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    given = {"type": "OAuth2", "user": "u", "clientId": "c", "refreshToken": "hush-refresh"}
    script = {"EHLO": "250-mail.example.test\r\n250 AUTH XOAUTH2"}
    async with running_token_endpoint() as endpoint, scripted(**script) as server:
        endpoint.answers = [(400, {"error": "invalid_grant", "error_description": "hush-refresh"})]
        auth = {**given, "accessUrl": endpoint.url}
        connector = connect(server.port, auth=auth, ignoreTLS=True)
        step = failed(await connector.probe(request_for()))
    assert step.name == "AUTH"
    assert "sign in again for a new auth.refreshToken" in (step.advice or "")
    assert "hush" not in repr(step)


@pytest.mark.parametrize(
    ("changes", "name", "advice"),
    [
        ({"secure": True}, "TLS", "set secure to false"),
        ({"requireTLS": True}, "TLS", "587, or 465 with secure"),
        ({"auth": {"user": "u", "pass": "p"}}, "AUTH", "set secure to true"),
        ({"auth": {"user": "u", "pass": "p"}, "ignoreTLS": True}, "AUTH", "remove auth"),
    ],
)
async def test_settings_that_do_not_fit_the_server_are_named(
    scripted: Start, connect: Start, request_for: Start, changes: Any, name: str, advice: str
) -> None:
    async with scripted() as server:
        step = failed(await connect(server.port, **changes).probe(request_for()))
    assert step.name == name
    assert advice in (step.advice or "")


async def test_a_port_for_tls_used_without_it_is_named(
    mail_server: Start, connect: Start, request_for: Start, server_tls: ssl.SSLContext
) -> None:
    async with mail_server(implicit_tls=server_tls) as server:
        connector = connect(server.port, greetingTimeout=100)
        step = failed(await connector.probe(request_for()))
    assert step.name == "banner"
    assert "set secure to true" in (step.advice or "")


def self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return served(trustme.Blob(secret + certificate.public_bytes(Encoding.PEM)))


def served(chain: trustme.Blob) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with chain.tempfile() as path:
        context.load_cert_chain(path)
    return context


def expired(authority: trustme.CA) -> ssl.SSLContext:
    past = datetime.now(UTC) - timedelta(days=1)
    issued = authority.issue_cert("127.0.0.1", not_before=past, not_after=past)
    return served(issued.private_key_and_cert_chain_pem)


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (lambda _: self_signed(), "put that certificate (PEM text) in tls.ca"),
        (expired, "has expired: have it renewed"),
        (
            lambda ca: served(ca.issue_cert("other.example.test").private_key_and_cert_chain_pem),
            "made out to another name",
        ),
        (
            lambda _: served(trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem),
            "put the authority's certificate",
        ),
    ],
    ids=["self-signed", "expired", "another name", "unknown authority"],
)
@pytest.mark.parametrize("secure", [True, False])
async def test_a_certificate_that_is_not_trusted_says_why(
    mail_server: Start,
    connect: Start,
    request_for: Start,
    authority: trustme.CA,
    authority_pem: str,
    make: Any,
    advice: str,
    secure: bool,
) -> None:
    way = {"implicit_tls" if secure else "tls_context": make(authority)}
    async with mail_server(**way) as server:
        connector = connect(server.port, secure=secure, tls={"ca": authority_pem})
        step = failed(await connector.probe(request_for()))
    assert step.name == "TLS"
    assert advice in (step.advice or "")


async def test_a_closed_port_is_named(scripted: Start, connect: Start, request_for: Start) -> None:
    async with scripted() as server:
        """Only its port is needed, once it is gone."""
    step = failed(await connect(server.port).probe(request_for()))
    assert step.name == "TCP"
    assert f"Nothing listens on port {server.port} of 127.0.0.1" in (step.advice or "")


async def test_a_failure_on_the_way_through_a_proxy_is_not_blamed_on_the_server(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        """Only its port is needed, once it is gone."""
    connector = connect(25, proxy=f"socks5://127.0.0.1:{server.port}")
    step = failed(await connector.probe(request_for()))
    assert step.name == "TCP"
    assert "proxy" in (step.advice or "")


@pytest.mark.parametrize(
    ("stage", "reply", "host", "advice"),
    [
        ("dns", "[Errno -2] Name or service not known", "a.test", "No server has the name a.test"),
        ("dns", "Temporary failure in name resolution", "a.test", "check this machine's name"),
        ("connect", "", "a.test", "a firewall or the hosting company"),
        ("connect", "Cannot assign requested address", "a.test", "localAddress is no address"),
        ("tls", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "a.test", "set tls.cert and tls.key"),
        ("tls", "TLSV1_ALERT_PROTOCOL_VERSION", "a.test", "widen tls.minVersion"),
        ("auth", "535 Bad username / password", "smtp.sendgrid.net", "the word apikey"),
        ("auth", "535 no", "email-smtp.eu-west-1.amazonaws.com", "SMTP credentials"),
        ("auth", "535 no", "smtp.postmarkapp.com", "both be the server's API token"),
        ("auth", "535 no", "smtp.eu.mailgun.org", "not the API key"),
        ("auth", "535 no", "smtpdm.aliyun.com", "its SMTP password"),
        ("auth", "535 no", "smtp.163.com", "the authorization code"),
        ("auth", "535 no", "smtp.mail.me.com", "an app password"),
    ],
)
def test_a_known_failure_has_its_advice(
    wire: Start, stage: str, reply: str, host: str, advice: str
) -> None:
    reply_code = int(reply[:3]) if reply[:3].isdecimal() else None
    failure = ProviderReply(stage=stage, reply_code=reply_code, text=reply.lstrip("5 3"))
    assert advice in (advice_for(failure, SmtpConfig.parse(wire(host=host))) or "")


async def test_a_mail_that_cannot_be_made_is_a_failed_step(
    connect: Start, request_for: Start
) -> None:
    broken = EmailTemplate.parse(
        {"usageType": "SignIn", "subject": "a", "content": "a", "sendFrom": "nobody"}
    )
    step = failed(await connect(25).probe(request_for(custom_template=broken)))
    assert (step.name, step.seconds) == ("message", 0)
    assert "not exactly one mail address" in (step.advice or "")


async def test_nothing_private_is_shown(
    scripted: Start, connect: Start, request_for: Start, credentials: Any
) -> None:
    request: EmailRequest = request_for()
    said = f"250 {request.to} 428913 {credentials['pass']}"
    script = {"EHLO": "250-mail.example.test\r\n250 AUTH PLAIN", "AUTH": "235 ok"}
    async with scripted(**script, MAIL=said, RCPT=said, message=f"5{said[1:]}") as server:
        connector = connect(server.port, auth=credentials, ignoreTLS=True)
        steps = await connector.probe(request)
    assert [step.name for step in steps][-4:] == SENDING
    for private in (request.to, "428913", credentials["pass"]):
        assert private not in repr(steps)
