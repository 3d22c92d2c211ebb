"""Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): what clients are told."""

import time
from dataclasses import dataclass

from sqlmodel import Session, col, select

from idp.oidc.keys import KeyRing
from idp.storage.secrets import new_id
from idp.storage.tables import Client, Grant

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120
"""Seconds; §2.4 advises at most two minutes, to keep replays out."""


@dataclass(frozen=True)
class ClientToTell:
    """A client that wants to know when a session ends, and where."""

    client_id: str
    backchannel_logout_uri: str
    algorithm: str


def clients_to_tell(session: Session, session_id: str) -> list[ClientToTell]:
    """Return the clients somebody signed in to during a browser session."""
    of_session = select(Grant.client_id).where(col(Grant.session_id) == session_id)
    told = select(Client).where(col(Client.id).in_(of_session)).order_by(col(Client.id))
    return [
        ClientToTell(client.id, client.backchannel_logout_uri, client.id_token_signed_response_alg)
        for client in session.exec(told)
        if client.backchannel_logout_uri
    ]


def logout_token(
    issuer: str, keys: KeyRing, client: ClientToTell, *, sub: str, session_id: str
) -> str:
    """Return the logout token to post to a client; made for each attempt, as it soon expires."""
    issued_at = int(time.time())
    claims = {
        "iss": issuer,
        "sub": sub,
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
        "jti": new_id(),
        "sid": session_id,
        "events": {EVENT: {}},
    }
    return keys.sign(claims, client.algorithm, typ="logout+jwt")
