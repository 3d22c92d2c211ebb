"""Every way SMTP fails, told apart by what the server should do next."""

import errno
import re
import socket
import ssl
from enum import StrEnum

from aiosmtplib import SMTPResponse, SMTPResponseException

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    Mask,
    PermanentFailure,
    ProviderReply,
    TransientFailure,
)
from idp_smtp_email.advice import advice_for
from idp_smtp_email.config import SmtpConfig


class Stage(StrEnum):
    """How far one message got; `MESSAGE` begins when the server may have all of it."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    MESSAGE = "message"


_ENHANCED_CODE = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")  # RFC 3463 §2
# Many servers hold back what they think of client and sender until RCPT, or until the message.
_ABOUT_THE_SENDER = re.compile(
    r"relay|sender|client host|authenticat|log ?in|sendasdenied|not allowed to send", re.IGNORECASE
)
_SENDER_CODES = ("5.1.7", "5.1.8")
_LOGIN_SWITCHED_OFF = ("5.7.30", "5.7.139")  # Microsoft's, also for what follows the login
# RFC 3463 §3
_REASONS = {
    "5.2.1": "recipient_refused",
    "5.2.2": "mailbox_full",
    "5.2.3": "message_too_large",
    "5.3.4": "message_too_large",
}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


def provider_reply(stage: Stage, reply: SMTPResponse, mask: Mask) -> ProviderReply:
    """Keep the server's own words, without what is private in them."""
    enhanced = _ENHANCED_CODE.match(reply.message)
    return ProviderReply(
        text=mask(reply.message),
        reply_code=reply.code if reply.code > 0 else None,
        enhanced_code=enhanced[1] if enhanced else None,
        stage=stage,
    )


def refusal(stage: Stage, reply: ProviderReply, config: SmtpConfig) -> ConnectorError:
    """Tell what a negative reply (RFC 5321 §4.2.1) means."""
    severity = (reply.reply_code or 0) // 100
    if reply.reply_code == 421 or severity == 4:
        return TransientFailure(f"The server cannot take this mail now ({stage}).", reply=reply)
    if severity != 5:
        return _not_understood(stage, reply)
    if stage is Stage.AUTH or reply.enhanced_code in _LOGIN_SWITCHED_OFF:
        return _refused_login(reply, config)
    if stage in {Stage.GREETING, Stage.EHLO, Stage.TLS}:
        return InvalidConfig(f"The server refuses this client ({stage}).", reply=reply)
    reason = _reason(stage, reply)
    if reason == "sender_refused":
        message = (
            "The server does not let this sender send: check fromEmail, envelopeFrom and auth."
        )
        return InvalidConfig(message, reply=reply)
    subject = "recipient" if stage is Stage.RCPT else "message"
    return PermanentFailure(f"The server refused the {subject}.", reason=reason, reply=reply)


def _reason(stage: Stage, reply: ProviderReply) -> str:
    enhanced = reply.enhanced_code or ""
    if enhanced in _REASONS:
        return _REASONS[enhanced]
    if reply.reply_code == 552 and stage is not Stage.RCPT:
        return "message_too_large"
    if stage is Stage.MAIL or reply.reply_code == 530 or enhanced in _SENDER_CODES:
        return "sender_refused"
    if enhanced.startswith("5.1."):  # a bad address
        return "recipient_refused"
    if _ABOUT_THE_SENDER.search(reply.text):
        return "sender_refused"
    if enhanced.startswith("5.7."):
        return "policy"
    return "recipient_refused" if stage is Stage.RCPT else "message_refused"


def _refused_login(reply: ProviderReply, config: SmtpConfig) -> InvalidConfig:
    advice = advice_for(reply, config)
    if advice is not None:
        message = f"The server refused the login. {advice}"
    else:
        keys = "auth.user and auth.pass" if config.credentials else "auth"
        message = f"The server refused the login: check {keys}."
    return InvalidConfig(message, problems={"auth": message}, reply=reply)


def _not_understood(stage: Stage, reply: ProviderReply) -> ConnectorError:
    if stage is Stage.MESSAGE:
        return AmbiguousFailure("The server's last reply was not understood.", reply=reply)
    if stage is Stage.GREETING:
        message = "Another kind of server answers there: check host and port."
        return InvalidConfig(message, problems={"port": message}, reply=reply)
    return TransientFailure(f"The server's reply was not understood ({stage}).", reply=reply)


def breakdown(stage: Stage, error: Exception, config: SmtpConfig, mask: Mask) -> ConnectorError:
    """Tell what an exception between two replies means."""
    if isinstance(error, SMTPResponseException):
        response = SMTPResponse(error.code, error.message)
        return refusal(stage, provider_reply(stage, response, mask), config)
    causes = _causes(error)
    reply = ProviderReply(text=mask(str(causes[-1])), stage=stage)
    if stage is Stage.MESSAGE:
        message = "Contact was lost after the mail was handed over; it may have been taken."
        return AmbiguousFailure(message, reply=reply)
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
            return _tls_failure(cause, config)
    cause = causes[-1]
    if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
        return _invalid("host", "No server has this name: check host.", reply)
    if isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL:
        return _invalid("localAddress", "localAddress is no address of this machine.", reply)
    return _lost_contact(stage, cause, config, reply)


def _lost_contact(
    stage: Stage, cause: BaseException, config: SmtpConfig, reply: ProviderReply
) -> ConnectorError:
    is_late = isinstance(cause, TimeoutError)
    what = "did not answer in time" if is_late else "could not be reached or hung up"
    if stage is Stage.GREETING and not config.uses_tls:
        hint = "a server on port 465 waits for TLS from the first byte: set secure to true"
        if config.server_port == 465:
            return _invalid("secure", f"The server {what}; {hint}.", reply)
        if is_late:
            what = f"{what}; {hint} if that is the case here"
    return TransientFailure(f"The server {what} ({stage}).", reply=reply)


def _tls_failure(error: ssl.SSLError, config: SmtpConfig) -> InvalidConfig:
    if isinstance(error, ssl.SSLCertVerificationError):
        reply = ProviderReply(text=error.verify_message, stage=Stage.TLS)
        message = (
            f"The server's certificate is not trusted ({error.verify_message}): "
            "check host and servername, or give its authority in tls.ca."
        )
        return _invalid("tls", message, reply)
    reply = ProviderReply(text=error.reason or "TLS failed", stage=Stage.TLS)
    if config.uses_tls and error.reason in _NOT_TLS:
        message = (
            f"Port {config.server_port} does not start with TLS: set secure to false and "
            "requireTLS to true, or use the port for implicit TLS, usually 465."
        )
        return _invalid("secure", message, reply)
    message = f"TLS with the server failed ({reply.text}): check tls.minVersion and tls.ciphers."
    return _invalid("tls", message, reply)


def _invalid(key: str, message: str, reply: ProviderReply) -> InvalidConfig:
    return InvalidConfig(message, problems={key: message}, reply=reply)


def _causes(error: BaseException) -> list[BaseException]:
    """Unwrap what the library wraps, outermost first."""
    causes = [error]
    while isinstance(cause := causes[-1].__cause__, Exception):
        causes.append(cause)
    return causes
