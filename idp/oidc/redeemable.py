"""What the token endpoint takes: one code or token, found before authlib decides about it."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from idp.oidc.client_metadata import DEVICE_CODE, TOKEN_EXCHANGE
from idp.oidc.clients import RegisteredClient
from idp.oidc.credentials import (
    ACCESS_TOKEN_LIFETIME,
    CodeCredential,
    RefreshCredential,
    find_credential,
)
from idp.oidc.device_code import DeviceCredential, WaitingDevice, poll_device
from idp.oidc.parameters import Parameters
from idp.oidc.token_exchange import SubjectCredential
from idp.storage.tables import AccessToken, ApiResource, AuthorizationCode, Grant, RefreshToken, now

Redeemable = CodeCredential | RefreshCredential | DeviceCredential
Presented = Redeemable | SubjectCredential | WaitingDevice


@dataclass(frozen=True)
class Redemption:
    """Who presents what at the token endpoint, and the API they want a token for."""

    client: RegisteredClient
    presented: Presented | None
    api: ApiResource | None
    dpop_jkt: str | None = None
    """Thumbprint of the key they proved to hold (RFC 9449)."""

    @property
    def grant(self) -> Grant | None:
        """What a person gave; none for a client that acts for itself."""
        found = self.presented
        return None if found is None or isinstance(found, WaitingDevice) else found.grant

    @property
    def expires_at(self) -> datetime:
        """When an access token ends; one that was exchanged does not outlive the other."""
        expires_at = now() + ACCESS_TOKEN_LIFETIME
        if isinstance(self.presented, SubjectCredential):
            return min(expires_at, self.presented.row.expires_at)
        return expires_at


def find_presented(
    session: Session, client: RegisteredClient, form: Parameters
) -> Presented | None:
    """Return what a client presents, by the grant_type it names; only that is looked for."""
    match form.get("grant_type"):
        case "authorization_code":
            code_rows = find_credential(session, AuthorizationCode, form.get("code") or "")
            return CodeCredential(*code_rows) if code_rows else None
        case "refresh_token":
            rows = find_credential(session, RefreshToken, form.get("refresh_token") or "")
            return RefreshCredential(*rows) if rows else None
        case grant_type if grant_type == DEVICE_CODE:
            return poll_device(session, client, form.get("device_code") or "")
        case grant_type if grant_type == TOKEN_EXCHANGE:
            tokens = find_credential(session, AccessToken, form.get("subject_token") or "")
            return SubjectCredential(*tokens) if tokens else None
    return None
