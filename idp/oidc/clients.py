"""Clients: how they are registered, and what authlib asks about them."""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749 import ClientMixin, scope_to_list
from sqlmodel import Session, col, delete, update

from idp.oidc.client_metadata import ClientMetadata
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows
from idp.storage.tables import Client, ClientSecret

_CLIENTS = Rows(Client)
_SHORTEST_SECRET = 32
_LOOPBACK_PORT = re.compile(r"^(http://(?:127\.0\.0\.1|\[::1\]|localhost)):\d{1,5}")


@dataclass(frozen=True)
class RegisteredClient(ClientMixin):
    """A client as authlib sees it."""

    row: Client

    @property
    def is_public(self) -> bool:
        return self.row.token_endpoint_auth_method == "none"

    @property
    def uses_assertions(self) -> bool:
        return self.row.token_endpoint_auth_method == "private_key_jwt"

    def get_client_id(self) -> str:
        return self.row.id

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        if not scope:
            return ""
        allowed = self.row.scope.split()
        return " ".join(name for name in scope_to_list(scope) or () if name in allowed)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare exactly, but for the port a native app found free (RFC 8252 §7.3)."""
        if not self.is_public:
            return redirect_uri in self.row.redirect_uris
        registered = {_without_loopback_port(uri) for uri in self.row.redirect_uris}
        return _without_loopback_port(redirect_uri) in registered

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def load_client(session: Session, client_id: str | None) -> RegisteredClient | None:
    row = _CLIENTS.get(session, id=client_id) if client_id else None
    return RegisteredClient(row) if row else None


def add_client(
    session: Session,
    metadata: ClientMetadata,
    *,
    client_id: str | None = None,
    secret: str | None = None,
) -> tuple[Client, str | None]:
    """Register a client and return it with its secret, which cannot be read again later.

    A public client has none, nor has one that signs with its key. Raises ValueError when something
    about it is not allowed.
    """
    metadata.check()
    if client_id and session.get(Client, client_id):
        raise ValueError(f"There is already an application with the client_id {client_id}.")
    client = metadata.to_row(client_id or secrets.token_urlsafe(16))
    session.add(client)
    session.flush()
    return client, add_secret(session, client.id, secret) if metadata.has_secret else None


def add_secret(
    session: Session,
    client_id: str,
    secret: str | None = None,
    *,
    expires_at: datetime | None = None,
    others_expire_at: datetime | None = None,
) -> str:
    """Give a client one more secret and return it; the others may be told when to end.

    Raises ValueError for a client that authenticates in another way, or a secret that is too short.
    """
    client = session.get(Client, client_id)
    if client is None or client.token_endpoint_auth_method != "client_secret_basic":
        raise ValueError(f"There is no application with a secret and the client_id {client_id}.")
    if others_expire_at is not None:
        _expire_secrets(session, client_id, others_expire_at)
    secret = _check_secret(secret or new_secret())
    found_by = fingerprint(secret)
    session.add(ClientSecret(client_id=client_id, fingerprint=found_by, expires_at=expires_at))
    return secret


def _expire_secrets(session: Session, client_id: str, moment: datetime) -> None:
    """Let every secret of a client end at this moment, but for those that end before it."""
    expires_at = col(ClientSecret.expires_at)
    lasting = col(ClientSecret.client_id) == client_id, expires_at.is_(None) | (expires_at > moment)
    session.exec(update(ClientSecret).where(*lasting).values(expires_at=moment))


def remove_client(session: Session, client_id: str) -> bool:
    """Forget a client with all it was granted; False if there is none."""
    removed = session.exec(delete(Client).where(col(Client.id) == client_id))
    return bool(removed.rowcount)


def _check_secret(secret: str) -> str:
    # Stored as a plain SHA-256, so it must be too random to guess.
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"A client secret needs at least {_SHORTEST_SECRET} random characters.")
    return secret


def _without_loopback_port(uri: str) -> str:
    return _LOOPBACK_PORT.sub(r"\1", uri)
