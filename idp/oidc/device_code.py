"""The device code grant (RFC 8628 §3.4): the device asks until its person has decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    BaseGrant,
    InvalidGrantError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.hooks import hooked
from authlib.oauth2.rfc8628 import AuthorizationPendingError, ExpiredTokenError, SlowDownError
from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from idp.oidc.client_metadata import DEVICE_CODE
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows, Statement
from idp.storage.tables import DeviceAuthorization, Grant, User, now

if TYPE_CHECKING:
    from idp.oidc.clients import RegisteredClient
    from idp.oidc.engine import Engine

_DEVICES = Rows(DeviceAuthorization)
_GIVEN = Statement[tuple[Grant, User]](
    select(Grant, User)
    .join(User, col(User.id) == col(Grant.user_id))
    .where(col(Grant.id) == bindparam("grant_id"))
)
_SLOWER_BY = 5  # seconds


@dataclass(frozen=True)
class WaitingDevice:
    """A device that asks, and whether it asks too often."""

    row: DeviceAuthorization
    is_too_early: bool


@dataclass(frozen=True)
class DeviceCredential:
    """A device code whose person agreed, with what they gave."""

    row: DeviceAuthorization
    grant: Grant
    user: User


def poll_device(
    session: Session, client: RegisteredClient, device_code: str
) -> WaitingDevice | DeviceCredential | None:
    """Return the device of this client that asks, and note when it asked (RFC 8628 §3.5)."""
    row = _DEVICES.get(session, fingerprint=fingerprint(device_code))
    if row is None or row.client_id != client.row.id:
        return None
    if row.grant_id and (given := _GIVEN.first(session, grant_id=row.grant_id)):
        return DeviceCredential(row, *given)
    moment = now()
    interval = timedelta(seconds=row.interval)
    is_too_early = row.polled_at is not None and moment - row.polled_at < interval
    slower = row.interval + _SLOWER_BY if is_too_early else row.interval
    key = {"fingerprint": row.fingerprint}
    _DEVICES.update(session, key, polled_at=moment, interval=slower)
    return WaitingDevice(row, is_too_early)


class DeviceCodeGrant(BaseGrant, TokenEndpointMixin):
    """Gives tokens to a device once its person has agreed."""

    GRANT_TYPE = DEVICE_CODE
    server: Engine

    def validate_token_request(self) -> None:
        """Raise the error of RFC 8628 §3.5 that tells the device what to do."""
        client = cast("RegisteredClient", self.authenticate_token_endpoint_client())
        self.request.client = client
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for device codes.")
        found = self.server.credential
        if isinstance(found, WaitingDevice):
            check_wait(found)
        if not isinstance(found, DeviceCredential):
            raise InvalidGrantError("The device_code is unknown or was used.")
        check_life(found)
        # The id token tells of the grant of a code, wherever that was typed.
        self.request.authorization_code = found
        self.request.user = found.user
        self.server.changes.used = found

    @hooked
    def create_token_response(self) -> tuple[int, Any, Any]:
        scope = cast("DeviceCredential", self.server.credential).grant.scope
        may_refresh = cast("RegisteredClient", self.client).check_grant_type("refresh_token")
        is_offline = "offline_access" in scope.split()
        token = self.generate_token(scope=scope, include_refresh_token=may_refresh and is_offline)
        self.server.save_token(token, self.request)
        return 200, token, self.TOKEN_RESPONSE_HEADER


def check_wait(device: WaitingDevice) -> None:
    """RFC 8628 §3.5: say why there is nothing yet, or never will be."""
    if device.row.expires_at <= now():
        raise ExpiredTokenError
    if device.row.denied_at is not None:
        raise AccessDeniedError
    raise SlowDownError if device.is_too_early else AuthorizationPendingError


def check_life(credential: DeviceCredential) -> None:
    """RFC 8628 §3.5, RFC 6749 §5.2: what the person gave must not have ended since."""
    if credential.row.expires_at <= now():
        raise ExpiredTokenError
    if credential.grant.revoked_at is not None or credential.user.suspended_at is not None:
        raise InvalidGrantError("What the person gave has ended.")
