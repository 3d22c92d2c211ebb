"""Real sessions: what reaches the server, and what it costs when something is wrong."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest
import trustme

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    PermanentFailure,
    TransientFailure,
)

Start = Callable[..., Any]
Tls = Any


async def test_a_mail_goes_through_starttls_and_login(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    credentials: dict[str, str],
) -> None:  # fmt: skip
    async with mail_server(tls_context=server_tls, require_starttls=True) as server:
        connector = connect(server.port, auth=credentials, tls={"ca": authority_pem})
        receipt = await connector.send(request_for())
    assert (receipt.provider_id, receipt.reply) == ("Q1", "250 2.0.0 Ok: queued as Q1")
    assert server.logins == [("PLAIN", credentials["pass"])]
    assert server.sessions[0].ssl is not None
    assert server.emails[0].recipient == "reader@example.test"
    assert server.emails[0].text.strip() == "Code 428913"


async def test_a_mail_goes_through_implicit_tls_and_login(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    credentials: dict[str, str],
) -> None:  # fmt: skip
    async with mail_server(implicit_tls=server_tls, auth_require_tls=False) as server:
        tls = {"ca": authority_pem}
        await connect(server.port, secure=True, auth=credentials, tls=tls).send(request_for())
    assert len(server.logins) == len(server.emails) == 1


async def test_one_context_serves_all_connections(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str
) -> None:
    async with mail_server(tls_context=server_tls) as server:
        connector = connect(server.port, requireTLS=True, tls={"ca": authority_pem})
        await asyncio.gather(*(connector.send(request_for()) for _ in range(3)))
        contexts = {await connector._tls_context() for _ in range(2)}
    assert len(contexts) == 1
    assert len({session.peer for session in server.sessions}) == 3


@pytest.mark.parametrize("key", ["servername", "tls"])
async def test_the_name_to_verify_may_differ_from_the_host(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    key: str,
) -> None:  # fmt: skip
    names = {"servername": "wrong.example.test"} if key == "tls" else {}
    names |= {} if key == "tls" else {"servername": "mail.example.test"}
    tls = {"ca": authority_pem} | ({"servername": "mail.example.test"} if key == "tls" else {})
    async with mail_server(implicit_tls=server_tls) as server:
        await connect(server.port, secure=True, tls=tls, **names).send(request_for())
    assert len(server.emails) == 1


@pytest.mark.parametrize("is_implicit", [True, False])
async def test_the_server_is_asked_for_the_name_it_shall_prove(
    mail_server: Start, connect: Start, request_for: Start, authority: trustme.CA, is_implicit: bool
) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example.test").configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    way = {"implicit_tls" if is_implicit else "tls_context": context}
    async with mail_server(**way) as server:
        tls = {"ca": authority.cert_pem.bytes().decode()}
        names = {"servername": "mail.example.test", "secure": is_implicit}
        await connect(server.port, tls=tls, **names).send(request_for())
    assert asked == ["mail.example.test"]


@pytest.mark.parametrize("is_implicit", [True, False])
@pytest.mark.parametrize("problem", ["unknown authority", "other name"])
async def test_an_untrusted_certificate_is_a_matter_of_configuration(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    is_implicit: bool, problem: str,
) -> None:  # fmt: skip
    options = {"implicit_tls": server_tls} if is_implicit else {"tls_context": server_tls}
    tls = {} if problem == "unknown authority" else {"ca": authority_pem, "servername": "x.test"}
    async with mail_server(**options) as server:
        with pytest.raises(InvalidConfig, match=r"certificate is not trusted .+ tls\.ca") as caught:
            await connect(server.port, secure=is_implicit, tls=tls).send(request_for())
    assert caught.value.reply.stage == "tls"
    assert not server.emails


async def test_verification_can_be_switched_off(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls
) -> None:
    async with mail_server(tls_context=server_tls, require_starttls=True) as server:
        await connect(server.port, tls={"rejectUnauthorized": False}).send(request_for())
    assert len(server.emails) == 1


async def test_a_password_never_leaves_in_clear_by_accident(
    mail_server: Start, connect: Start, request_for: Start, credentials: dict[str, str]
) -> None:
    async with mail_server(auth_require_tls=False) as server:
        with pytest.raises(
            InvalidConfig, match=r"set secure to true .+ or set ignoreTLS"
        ) as caught:
            await connect(server.port, auth=credentials).send(request_for())
        assert (server.logins, list(caught.value.problems)) == ([], ["ignoreTLS"])
        await connect(server.port, auth=credentials, ignoreTLS=True).send(request_for())
    assert len(server.logins) == len(server.emails) == 1


async def test_starttls_can_be_refused_and_required(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls
) -> None:
    async with mail_server(tls_context=server_tls) as server:
        await connect(server.port, ignoreTLS=True).send(request_for())
    assert server.sessions[0].ssl is None
    async with mail_server() as plain:
        with pytest.raises(InvalidConfig, match="the server offers no STARTTLS"):
            await connect(plain.port, requireTLS=True).send(request_for())
    assert not plain.emails


async def test_what_is_said_before_tls_counts_for_nothing_after_it(
    scripted: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    credentials: dict[str, str],
) -> None:  # fmt: skip
    """Somebody on the way can add to the last plain reply, not to what TLS protects."""
    script = {
        "EHLO": "250-mail\r\n250 STARTTLS",
        "STARTTLS": "220 go\r\n250-evil\r\n250 AUTH PLAIN",
    }
    async with scripted(tls=server_tls, **script) as server:
        connector = connect(server.port, auth=credentials, tls={"ca": authority_pem})
        with pytest.raises(InvalidConfig, match="offers no login"):
            await connector.send(request_for())
    assert {command.partition(" ")[0] for command in server.commands} <= {"EHLO", "STARTTLS"}


async def test_tls_on_a_starttls_port_is_explained(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server() as server:
        with pytest.raises(InvalidConfig, match="does not start with TLS: set secure to false"):
            await connect(server.port, secure=True).send(request_for())


async def test_a_tls_port_without_secure_is_explained(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls
) -> None:
    async with mail_server(implicit_tls=server_tls) as server:
        with pytest.raises(TransientFailure, match="set secure to true") as caught:
            await connect(server.port, greetingTimeout=50).send(request_for())
    assert caught.value.reply.stage == "greeting"


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN CRAM-MD5", "LOGIN PLAIN", "LOGIN"])
async def test_a_wrong_password_costs_one_login(
    scripted: Start, connect: Start, request_for: Start, mechanisms: str
) -> None:
    ehlo = f"250-mail.example.test\r\n250 AUTH {mechanisms}"
    refused = "535 5.7.8 wrong: open-sesame-77 AG1haWxlcgBvcGVuLXNlc2FtZS03Nw=="
    async with scripted(EHLO=ehlo, AUTH=refused) as server:
        auth = {"user": "mailer", "pass": "open-sesame-77"}
        with pytest.raises(InvalidConfig, match=r"check auth\.user and auth\.pass") as caught:
            await connect(server.port, auth=auth, ignoreTLS=True).send(request_for())
    logins = [command for command in server.commands if command.startswith("AUTH")]
    assert len(logins) == 1
    best = "CRAM-MD5" if "CRAM-MD5" in mechanisms else mechanisms.split()[-1]
    assert logins[0].startswith(f"AUTH {best}")
    reply = caught.value.reply
    assert (reply.reply_code, reply.enhanced_code, reply.stage) == (535, "5.7.8", "auth")
    assert reply.text == "5.7.8 wrong: *** ***"


@pytest.mark.parametrize(
    ("ehlo", "words"),
    [("250 mail", "offers no login"), ("250-mail\r\n250 AUTH XOAUTH2", "only XOAUTH2")],
)
async def test_a_server_without_password_login_is_named(
    scripted: Start, connect: Start, request_for: Start, ehlo: str, words: str
) -> None:
    async with scripted(EHLO=ehlo) as server:
        connector = connect(server.port, auth={"user": "u", "pass": "p"}, ignoreTLS=True)
        with pytest.raises(InvalidConfig, match=words):
            await connector.send(request_for())


async def test_a_server_without_ehlo_is_greeted_with_helo(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO="502 what?") as server:
        await connect(server.port, name="idp.example.test").send(request_for())
    assert server.commands[:2] == ["EHLO idp.example.test", "HELO idp.example.test"]


async def test_the_envelope_names_one_sender_and_one_recipient(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        await connect(server.port, envelopeFrom="bounces@bücher.test").send(request_for())
    mail, rcpt, *rest = server.commands[1:]
    assert mail.startswith("MAIL FROM:<bounces@xn--bcher-kva.test> SIZE=")
    assert (rcpt, rest) == ("RCPT TO:<reader@example.test>", ["DATA"])


async def test_the_message_arrives_byte_for_byte(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    words = {"contentType": "text/plain", "subject": "Prüfcode {{code}}"}
    text = ".\n..\n.dot {{code}}\n\nlast"
    templates = [
        {"usageType": usage_type, "content": text, **words}
        for usage_type in ("Register", "SignIn", "ForgotPassword", "Generic")
    ]
    async with mail_server() as server:
        headers = {"X-Tag": ["a", "b"]}
        connector = connect(server.port, templates=templates, customHeaders=headers)
        await connector.send(request_for(message_id="m1"))
    email = server.emails[0]
    assert email.text.rstrip() == ".\n..\n.dot 428913\n\nlast"
    assert email.subject == "Prüfcode 428913"
    assert email.headers.get_all("X-Tag") == ["a", "b"]
    assert email.headers["Message-ID"] == "<m1@example.test>"


async def test_a_local_address_is_used(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server() as server:
        await connect(server.port, localAddress="127.0.0.9").send(request_for())
        assert server.sessions[0].peer[0] == "127.0.0.9"
        with pytest.raises(InvalidConfig, match="localAddress is no address of this machine"):
            await connect(server.port, localAddress="192.0.2.1").send(request_for())


async def test_an_internationalized_local_part_needs_smtputf8(
    mail_server: Start, connect: Start, request_for: Start, scripted: Start
) -> None:
    async with mail_server() as server:
        await connect(server.port).send(request_for("jörg@bücher.test"))
    assert server.envelopes[0].rcpt_tos == ["jörg@xn--bcher-kva.test"]
    assert server.envelopes[0].smtp_utf8
    async with scripted() as old:
        with pytest.raises(PermanentFailure) as caught:
            await connect(old.port).send(request_for("jörg@example.test"))
    assert caught.value.reason == "smtputf8_unsupported"
    assert not [command for command in old.commands if command.startswith("MAIL")]


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "message"])
async def test_a_silent_server_is_given_up(
    scripted: Start, connect: Start, request_for: Start, stage: str
) -> None:
    expected = AmbiguousFailure if stage == "message" else TransientFailure
    async with scripted(**{stage: None}) as server:
        with pytest.raises(expected) as caught:
            await connect(server.port, greetingTimeout=50, socketTimeout=50).send(request_for())
        await asyncio.sleep(0.01)
        assert server.hung_up == 1
    assert caught.value.reply.stage == stage.lower()


async def test_the_deadline_of_the_mail_caps_every_clock(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(MAIL=None) as server:
        started = perf_counter()
        deadline = datetime.now(UTC) + timedelta(seconds=0.1)
        with pytest.raises(TransientFailure):
            await connect(server.port).send(request_for(deadline=deadline))
        assert perf_counter() - started < 1


async def test_a_mail_whose_deadline_has_passed_is_not_sent(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        with pytest.raises(TransientFailure, match="deadline"):
            await connect(server.port).send(request_for(deadline=datetime.now(UTC)))
    assert not server.commands


@pytest.mark.parametrize("stage", ["greeting", "RCPT", "message"])
async def test_cancelling_hangs_up_and_leaves_the_connector_usable(
    scripted: Start, connect: Start, request_for: Start, stage: str
) -> None:
    async with scripted(**{stage: None}) as server:
        connector = connect(server.port)
        sending = asyncio.create_task(connector.send(request_for()))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.sleep(0.01)
        assert server.hung_up == 1
        server.script[stage] = "220 hello" if stage == "greeting" else "250 ok"
        await connector.send(request_for())


async def test_a_closed_port_is_tried_again_later(connect: Start, request_for: Start) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(TransientFailure) as caught:
        await connect(port).send(request_for())
    assert caught.value.reply.stage == "connect"


async def test_an_unknown_host_is_a_matter_of_configuration(
    connect: Start, request_for: Start
) -> None:
    with pytest.raises(ConnectorError) as caught:
        await connect(25, host="no-such-host.invalid").send(request_for())
    assert caught.value.reply.stage == "dns"
    # A machine without a resolver cannot tell; it says "try again".
    assert isinstance(caught.value, InvalidConfig | TransientFailure)


@pytest.mark.parametrize("ehlo", ["250 mail", "250-mail\r\n250-PIPELINING\r\n250 CHUNKING"])
@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("250", ""),
        ("250-first\r\n250-\r\n250 last", "first last"),
        ("251 größer, 漢字", "größer, 漢字"),
        ("250 no carriage return\n", "no carriage return"),
    ],
)
async def test_a_reply_is_read_however_it_is_written_and_cut(
    scripted: Start, connect: Start, request_for: Start, ehlo: str, reply: str, shown: str
) -> None:
    async with scripted(EHLO=ehlo, message=reply.removesuffix("\n")) as server:
        server.stutters = True
        receipt = await connect(server.port).send(request_for())
    assert receipt.reply.split(maxsplit=1)[1:] == ([shown] if shown else [])


@pytest.mark.parametrize("key", ["logger", "debug"])
async def test_the_dialogue_is_logged_without_what_is_private(
    mail_server: Start, connect: Start, request_for: Start, server_tls: Tls, authority_pem: str,
    credentials: dict[str, str], caplog: pytest.LogCaptureFixture, key: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG, "idp_smtp_email")
    async with mail_server(tls_context=server_tls) as server:
        options = {"auth": credentials, "tls": {"ca": authority_pem}, key: True}
        receipt = await connect(server.port, **options).send(request_for())
        silent = await connect(server.port, **{**options, key: False}).send(request_for())
    assert caplog.text.count("S: 250 2.0.0 Ok: queued as Q1 (message)") == 1
    assert "S: 235" in caplog.text
    assert "C: RCPT TO:<***>" in caplog.text
    assert "C: DATA\nS: 354" in receipt.transcript
    assert silent.transcript is None
    for private in (credentials["pass"], "428913", "reader"):
        assert private not in caplog.text
    assert "Q2" not in caplog.text


async def test_a_refusal_brings_its_dialogue_along(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT="550 5.1.1 reader@example.test is unknown") as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port, debug=True).send(request_for())
    assert "C: RCPT TO:<***>\nS: 550 5.1.1 *** is unknown (rcpt)" in (caught.value.transcript or "")
