"""Logging in: one mechanism of those the server offers, and no second wrong password."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from functools import partial

from aiosmtplib import SMTP, SMTPResponse

from idp.connector_kit import ConfigChange, InvalidConfig, Mask, ProviderReply
from idp_smtp_email.auth import Login, OAuth2
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.masking import spellings
from idp_smtp_email.oauth2 import AccessTokens
from idp_smtp_email.sasl import (
    Exchange,
    authenticate,
    cram_md5,
    is_success,
    login,
    oauthbearer,
    plain,
    xoauth2,
)
from idp_smtp_email.scram import ScramError, scram

# The best first. What takes a password comes with the user name, what takes a token as well.
_PASSWORD_MECHANISMS: Mapping[str, Callable[[str, str], Exchange]] = {
    "SCRAM-SHA-256": partial(scram, "sha256"),
    "SCRAM-SHA-1": partial(scram, "sha1"),
    "CRAM-MD5": cram_md5,
    "PLAIN": plain,
    "LOGIN": login,
}
_LOCK_OUT = 30.0  # seconds


class Authenticator:
    """Logs the connections of one connector in.

    A refused login is remembered and not tried again for 30 seconds: providers lock accounts after
    a few wrong passwords, and a thousand mails may be waiting.
    """

    def __init__(self, config: SmtpConfig, change_config: ConfigChange) -> None:
        self._login = (
            _PasswordLogin(config.auth)
            if isinstance(config.auth, Login)
            else _OAuth2Login(config.auth, config, change_config)
        )
        self._first_login = asyncio.Lock()
        self._is_proven = False
        self._refusal: SMTPResponse | InvalidConfig | None = None
        self._refused_until = 0.0

    @property
    def mechanism(self) -> str | None:
        """The mechanism of the latest login."""
        return self._login.mechanism

    def recent_refusal(self) -> SMTPResponse | None:
        """Return the reply that refused the login less than 30 seconds ago, if there is one.

        Raises InvalidConfig when it was not the mail server that refused.
        """
        if self._refusal is None or asyncio.get_running_loop().time() >= self._refused_until:
            return None
        if isinstance(self._refusal, InvalidConfig):
            raise self._refusal.with_traceback(None)
        return self._refusal

    async def log_in(self, client: SMTP) -> SMTPResponse:
        """Log in and return the server's last reply, without secrets, whatever it says.

        Raises InvalidConfig when no mechanism fits, the server cannot prove that it knows the
        password or the token endpoint refuses; TransientFailure when that cannot be reached.
        """
        if self._is_proven:
            return await self._log_in(client)
        # Until one login succeeds the others wait: five connections are not five wrong passwords.
        async with self._first_login:
            return await self._log_in(client)

    async def aclose(self) -> None:
        """Let a refresh under way end: it may bring a refresh token that must be kept."""
        await self._login.aclose()

    async def _log_in(self, client: SMTP) -> SMTPResponse:
        if (refused := self.recent_refusal()) is not None:
            return refused
        try:
            reply = await self._login.attempt(client)
        except InvalidConfig as error:
            self._remember(error)
            raise
        if reply.code // 100 == 5:
            self._remember(reply)
        self._is_proven = is_success(reply)
        return reply

    def _remember(self, refusal: SMTPResponse | InvalidConfig) -> None:
        self._is_proven = False
        self._refusal = refusal
        self._refused_until = asyncio.get_running_loop().time() + _LOCK_OUT


class _PasswordLogin:
    mechanism: str | None = None

    def __init__(self, auth: Login) -> None:
        self._user = auth.user or ""
        self._password = auth.password.get_secret_value() if auth.password else ""
        self._mask = Mask(spellings(self._user, self._password))

    async def attempt(self, client: SMTP) -> SMTPResponse:
        self.mechanism = mechanism = _choose(client, _PASSWORD_MECHANISMS, "login with a password")
        exchange = _PASSWORD_MECHANISMS[mechanism](self._user, self._password)
        try:
            reply = await authenticate(client, mechanism, exchange)
        except ScramError as error:
            raise _invalid(str(error)) from None
        return SMTPResponse(reply.code, self._mask(reply.message))

    async def aclose(self) -> None:
        """Nothing is open."""


class _OAuth2Login:
    mechanism: str | None = None

    def __init__(self, auth: OAuth2, config: SmtpConfig, change_config: ConfigChange) -> None:
        self._user = auth.user
        self._access_tokens = AccessTokens(auth, change_config)
        bearer = partial(oauthbearer, host=config.host, port=config.server_port)
        self._mechanisms: Mapping[str, Callable[[str, str], Exchange]] = {
            "XOAUTH2": xoauth2,
            "OAUTHBEARER": bearer,
        }

    async def attempt(self, client: SMTP) -> SMTPResponse:
        self.mechanism = _choose(client, self._mechanisms, "login with OAuth2")
        access_token = await self._access_tokens.current()
        reply = await self._present(client, self.mechanism, access_token)
        if reply.code // 100 == 5 and self._access_tokens.can_refresh:
            access_token = await self._access_tokens.current(rejected=access_token)
            reply = await self._present(client, self.mechanism, access_token)
        return reply

    async def _present(self, client: SMTP, mechanism: str, access_token: str) -> SMTPResponse:
        exchange = self._mechanisms[mechanism](self._user, access_token)
        reply = await authenticate(client, mechanism, exchange)
        sent = next(self._mechanisms[mechanism](self._user, access_token)) or b""
        mask = Mask([access_token, base64.b64encode(sent).decode()])
        return SMTPResponse(reply.code, mask(reply.message))

    async def aclose(self) -> None:
        await self._access_tokens.aclose()


def _choose(client: SMTP, known: Mapping[str, object], purpose: str) -> str:
    offered = [name.upper() for name in client.server_auth_methods]
    for mechanism in known:
        if mechanism in offered:
            return mechanism
    if not offered:
        raise _invalid("The server offers no login: remove auth, or use the port for submission.")
    raise _invalid(f"The server offers no {purpose}, only {', '.join(offered)}.")


def _invalid(message: str) -> InvalidConfig:
    reply = ProviderReply(stage="auth")
    return InvalidConfig(message, problems={"auth": message}, reply=reply)
