"""Access tokens: opaque ones for this server, signed ones for APIs (RFC 8707, RFC 9068)."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error
from sqlmodel import Session

from idp.oidc.provider import Provider
from idp.storage.secrets import new_secret
from idp.storage.statements import Rows
from idp.storage.tables import ApiResource

if TYPE_CHECKING:
    from idp.oidc.redeemable import Redemption

_APIS = Rows(ApiResource)
_TYPE = "at+jwt"  # RFC 9068 §2.1


class InvalidTargetError(OAuth2Error):
    """The resource is unknown, or was not granted (RFC 8707 §2)."""

    error = "invalid_target"


def load_api(session: Session, identifier: str | None) -> ApiResource | None:
    """Return the API a client names as `resource`; raises InvalidTargetError if there is none."""
    if identifier is None:
        return None
    api = _APIS.get(session, identifier=identifier)
    if api is None:
        raise InvalidTargetError("There is no API with this identifier.")
    return api


def save_api(session: Session, identifier: str, name: str, scope: str) -> None:
    """Register an API, or change it; raises ValueError unless it is named by an absolute URI.

    The scope `all` is that of the management API alone: at another one it would mean both.
    """
    if "all" in scope.split():
        raise ValueError("The scope `all` is the management API's; choose another name.")
    if ":" not in identifier or {*identifier} & {*" #"} or not identifier.isprintable():
        raise ValueError(f"{identifier} is not an absolute URI without a fragment (RFC 8707 §2).")
    session.merge(ApiResource(identifier=identifier, name=name, scope=scope))


def scope_at(api: ApiResource, scope: str) -> str:
    """Return the part of a scope that means something to an API."""
    known = api.scope.split()
    return " ".join(name for name in scope.split() if name in known)


def signed_access_token(
    provider: Provider, redemption: "Redemption", api: ApiResource, scope: str, expires_at: datetime
) -> str:
    """Return an access token an API can read by itself (RFC 9068 §2.2)."""
    client_id, grant = redemption.client.row.id, redemption.grant
    claims: dict[str, Any] = {
        "iss": provider.settings.issuer,
        "sub": grant.user_id if grant else client_id,
        "aud": api.identifier,
        "client_id": client_id,
        "scope": scope,
        "iat": int(time.time()),
        "exp": int(expires_at.timestamp()),
        "jti": new_secret(),
    }
    if grant is not None:
        claims |= {"auth_time": int(grant.auth_time.timestamp()), "amr": grant.amr}
    return provider.keys.sign(claims, typ=_TYPE)
