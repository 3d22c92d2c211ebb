"""Access tokens for OAuth2: kept while valid, renewed by one request for all who wait."""

import asyncio
import time

from pydantic import SecretStr

from idp.connector_kit import ConfigChange, InvalidConfig, Mask, ProviderReply, TransientFailure
from idp_smtp_email.auth import OAuth2, OAuth2RefreshToken
from idp_smtp_email.grants import grant_form
from idp_smtp_email.token_endpoint import TokenResponse, request_token

_MARGIN = 60.0  # seconds a token must still be valid, or
_SHARE = 0.1  # this part of its lifetime


class AccessTokens:
    """The access tokens of one mailbox."""

    def __init__(self, auth: OAuth2, change_config: ConfigChange) -> None:
        self._auth = auth
        self._change_config = change_config
        self._access_token: str | None = None
        self._refresh_token: str | None = None
        self._expires_at: float | None = None
        self._margin = _MARGIN
        self._renewal: asyncio.Task[str] | None = None
        if isinstance(auth, OAuth2RefreshToken):
            self._access_token = _text(auth.access_token)
            self._refresh_token = _text(auth.refresh_token)
            self._expires_at = auth.expires / 1000 if auth.expires else None

    @property
    def can_refresh(self) -> bool:
        """Tell whether a new token can be asked for."""
        return not isinstance(self._auth, OAuth2RefreshToken) or self._refresh_token is not None

    async def current(self, rejected: str | None = None) -> str:
        """Return a token that is valid for a while, and not the one the server rejected."""
        if not self.can_refresh:
            return self._only_token()
        if self._access_token not in {None, rejected} and self._is_valid(self._margin):
            return self._access_token
        try:
            return await self._renewed()
        except TransientFailure:
            if self._access_token in {None, rejected} or not self._is_valid():
                raise
            return self._access_token

    async def aclose(self) -> None:
        """Wait until a refresh under way is over."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])

    def _is_valid(self, margin: float = 0.0) -> bool:
        return self._expires_at is None or time.time() < self._expires_at - margin

    def _only_token(self) -> str:
        if self._access_token is not None and self._is_valid():
            return self._access_token
        message = "auth.accessToken has expired, and there is no auth.refreshToken to renew it."
        reply = ProviderReply(stage="auth")
        raise InvalidConfig(message, problems={"auth.accessToken": message}, reply=reply)

    async def _renewed(self) -> str:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._end_renewal)
        # One who stops waiting must not stop the others.
        return await asyncio.shield(self._renewal)

    def _end_renewal(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        # Nobody may be left to take the error.
        renewal.cancelled() or renewal.exception()

    async def _renew(self) -> str:
        form = grant_form(self._auth, self._refresh_token)
        response = await request_token(self._auth.access_url, form, self._mask(form))
        self._keep(response)
        if response.refresh_token not in {None, self._refresh_token}:
            self._refresh_token = response.refresh_token
            if isinstance(self._auth, OAuth2RefreshToken):
                await self._change_config({"auth": {"refreshToken": self._refresh_token}})
        return response.access_token

    def _keep(self, response: TokenResponse) -> None:
        self._access_token = response.access_token
        if response.expires_in is None:
            self._expires_at = None
            return
        self._expires_at = time.time() + response.expires_in
        self._margin = min(_MARGIN, _SHARE * response.expires_in)

    def _mask(self, form: dict[str, str]) -> Mask:
        names = ("client_secret", "refresh_token", "assertion", "client_assertion")
        return Mask([self._access_token or "", *(form.get(name, "") for name in names)])


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
