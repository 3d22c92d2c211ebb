"""What an administrator should do about the failures that are met most often."""

import errno
import re
from dataclasses import dataclass

from idp.connector_kit import ProviderReply
from idp_smtp_email.auth import Login
from idp_smtp_email.config import SmtpConfig


@dataclass(frozen=True)
class _Advice:
    """Advice for replies that match, for a configuration with a password and one with OAuth2."""

    pattern: re.Pattern[str]
    with_password: str | None = None
    with_oauth2: str | None = None


def _reply(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


# Matched against "<reply code> <enhanced code> <text>"; the first that fits is given.
_ADVICE = (
    _Advice(
        _reply(r"\d+ 5\.7\.(139|30)\b"),
        with_password=(
            "The server takes no password for this account: set auth.type to OAuth2 (Microsoft "
            "switches passwords for SMTP off at the end of 2026)."
        ),
        with_oauth2=(
            "Sending over SMTP is switched off for this mailbox: allow Authenticated SMTP for it "
            "in the Microsoft 365 admin center."
        ),
    ),
    _Advice(
        _reply(
            r"53[45] 5\.7\.9\b|535 5\.7\.8\b.*(google|gsmtp|username and password not accepted)"
        ),
        with_password=(
            "Google takes no account password here: create an app password (it needs 2-Step "
            "Verification) and put it in auth.pass, or set auth.type to OAuth2."
        ),
    ),
    _Advice(
        _reply(r"535\b"),
        with_oauth2=(
            "The access token is not good for this mailbox: check auth.user, auth.scope and that "
            "the owner or administrator agreed to sending mail."
        ),
    ),
)

_SENDING = frozenset({"mail", "rcpt", "data", "message"})


@dataclass(frozen=True)
class _StageAdvice:
    """Advice for a failure at one of some stages, if its reply holds the pattern."""

    stages: frozenset[str]
    pattern: re.Pattern[str]
    text: str


def _at(stages: str, pattern: str, text: str) -> _StageAdvice:
    return _StageAdvice(frozenset(stages.split()), _reply(pattern), text)


def _while_sending(pattern: str, text: str) -> _StageAdvice:
    return _StageAdvice(_SENDING, _reply(pattern), text)


# Searched in the same text as above, if nothing there fits; {host} and {port} are filled in.
_STAGE_ADVICE = (
    _at(
        "dns",
        "not known|no address|nodename",
        "No server has the name {host}: check the spelling of host.",
    ),
    _at(
        "dns",
        "",
        "The name {host} could not be looked up in time: check this machine's name servers.",
    ),
    _at(
        "connect",
        "assign requested",
        "localAddress is no address of this machine: remove it, or give one that is.",
    ),
    _at(
        "connect",
        rf"refused|errno {errno.ECONNREFUSED}\b",
        "Nothing listens on port {port} of {host}: check host and port; usual are 465 with secure, "
        "587 without, and 25 for a relay.",
    ),
    _at(
        "connect",
        "",
        "No way to port {port} of {host}: a firewall or the hosting company may close it (often "
        "25). Open it, or use another port of the provider: 587, 465 with secure, or 2525.",
    ),
    _at(
        "greeting",
        r"^(4|5)\d\d",
        "The server turns this machine away: its IP address may be on a blocklist, or must be "
        "allowed at the server first.",
    ),
    _at(
        "ehlo",
        r"^(421|5\d\d)",
        "The server does not take the name this machine gives in EHLO: set name to its full name "
        "in DNS, such as mail.example.com.",
    ),
    _while_sending(
        r"\b(helo|ehlo)\b",
        "The server does not take the name this machine gave in EHLO: set name to its full name "
        "in DNS, such as mail.example.com.",
    ),
    _at(
        "tls",
        r"self.signed certificate in certificate chain|unable to get (local )?issuer",
        "The authority that issued the certificate is not known here: put the authority's "
        "certificate (PEM text) in tls.ca.",
    ),
    _at(
        "tls",
        "self.signed",
        "The server's certificate is self-signed: put that certificate (PEM text) in tls.ca.",
    ),
    _at(
        "tls",
        "certificate has expired",
        "The server's certificate has expired: have it renewed; if it is new, check this "
        "machine's clock.",
    ),
    _at("tls", "not yet valid", "The certificate is not valid yet: check this machine's clock."),
    _at(
        "tls",
        "mismatch",
        "The certificate is made out to another name: set host to the name in it, or keep host and "
        "set servername.",
    ),
    _at(
        "tls",
        "certificate_required",
        "The server wants a certificate of this client: set tls.cert and tls.key.",
    ),
    _at(
        "tls",
        "unsupported_protocol|protocol_version",
        "The server knows no TLS version that is allowed here: update it, or widen tls.minVersion "
        "and tls.maxVersion.",
    ),
    _at(
        "auth",
        "too many|temporarily locked",
        "The server takes no logins for a while: wait before the next test.",
    ),
    _while_sending(
        "sendasdenied|not allowed to send as|not owned by|conform with authentication",
        "This login may not send as this sender: set fromEmail (and envelopeFrom) to an address "
        "of auth.user, or allow it at the provider.",
    ),
    _while_sending(
        "not verified|verified sender|sender signature",
        "The provider sends for verified senders only: verify the address or domain of fromEmail "
        "there, and for a trial account the recipient too.",
    ),
    _while_sending(
        r"relay",
        "The server passes mail on for known senders only: fill in auth, or have this machine's "
        "address allowed to relay.",
    ),
    _while_sending(
        r"^530|authentication (is )?required|must authenticate",
        "The server wants a login: fill in auth.",
    ),
    _while_sending(
        r"greylist|graylist",
        "The server puts unknown senders off for some minutes (greylisting): a mail sent again "
        "later is taken.",
    ),
    _while_sending(
        r"\brate\b|too (many|fast|much)|throttl|quota exceeded|limit exceeded|try again later",
        "The provider limits how much may be sent: set pool.rateLimit below its limit, or ask for "
        "a higher one.",
    ),
    _at(
        "rcpt",
        r"^55\d\s+(5\.1\.[1-6]\b|.*(unknown|no such|does not exist))",
        "The server knows no such recipient: test with an address that exists.",
    ),
)

# What a provider wants in auth, by a part of its host name.
_PROVIDER_LOGINS = {
    ".sendgrid.net": "auth.user must be the word apikey, and auth.pass an API key with Mail Send.",
    ".amazonaws.com": (
        "SES wants SMTP credentials of this region in auth, not an access key: make them under "
        "SMTP settings."
    ),
    ".postmarkapp.com": "auth.user and auth.pass must both be the server's API token.",
    ".mailgun.org": "auth wants an SMTP user of the domain and its password, not the API key.",
    "smtpdm": "auth.user must be the sender address, and auth.pass its SMTP password.",
    **dict.fromkeys(
        (".qq.com", ".163.com", ".126.com"),
        "auth.pass must be the authorization code made in the mailbox's settings for SMTP, not the "
        "account's password.",
    ),
    **dict.fromkeys(
        (".mail.yahoo.com", ".mail.me.com", ".aol.com", ".fastmail.com", ".zoho."),
        "auth.pass must be an app password made in the account's security settings, not the "
        "account's own.",
    ),
}

# RFC 6749 §5.2
_ENDPOINT_ADVICE = {
    "invalid_grant": "sign in again for a new auth.refreshToken, or check auth.user and the key",
    "invalid_client": "check auth.clientId and auth.clientSecret or auth.privateKey",
    "unauthorized_client": "allow this client the grant and auth.scope at the provider",
    "invalid_scope": "check auth.scope",
    "unsupported_grant_type": "check auth.accessUrl",
}


def advice_for(reply: ProviderReply, config: SmtpConfig) -> str | None:
    """Return a plain sentence with the likely fix, if this reply is a known one."""
    text = f"{reply.reply_code or ''} {reply.enhanced_code or ''} {reply.text}"
    has_password = isinstance(config.auth, Login)
    for advice in _ADVICE:
        fix = advice.with_password if has_password else advice.with_oauth2
        if fix and advice.pattern.match(text):
            return fix
    return _stage_advice(reply, text.strip(), config)


def _stage_advice(reply: ProviderReply, text: str, config: SmtpConfig) -> str | None:
    if reply.stage == "auth" and reply.reply_code == 535:
        known = (hint for part, hint in _PROVIDER_LOGINS.items() if part in config.host)
        return next(known, None)
    if config.proxy is not None and reply.stage in {"dns", "connect"}:
        return None  # the proxy failed, or looked up and connected in our place
    for advice in _STAGE_ADVICE:
        if reply.stage in advice.stages and advice.pattern.search(text):
            return advice.text.format(host=config.host, port=config.server_port)
    return None


def endpoint_advice(error: str) -> str:
    """Return what to check when the token endpoint answers with this error code."""
    return _ENDPOINT_ADVICE.get(error, "check auth.accessUrl and the keys of auth")
