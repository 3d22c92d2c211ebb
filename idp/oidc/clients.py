"""Clients: how they are registered, and what authlib asks about them."""

import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin, scope_to_list
from sqlmodel import Session

from idp.settings import is_loopback
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows
from idp.storage.tables import Client

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
AUTH_METHODS = (*SECRET_METHODS, "none")

_CLIENTS = Rows(Client)
_SHORTEST_SECRET = 32
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 §2
_LOOPBACK_PORT = re.compile(r"^(http://(?:127\.0\.0\.1|\[::1\]|localhost)):\d{1,5}")


@dataclass(frozen=True)
class RegisteredClient(ClientMixin):
    """A client as authlib sees it."""

    row: Client

    @property
    def is_public(self) -> bool:
        return self.row.token_endpoint_auth_method == "none"

    def get_client_id(self) -> str:
        return self.row.id

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        allowed = self.row.scope.split()
        return " ".join(name for name in scope_to_list(scope) or () if name in allowed)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare exactly, but for the port a native app found free (RFC 8252 §7.3)."""
        if not self.is_public:
            return redirect_uri in self.row.redirect_uris
        registered = {_without_loopback_port(uri) for uri in self.row.redirect_uris}
        return _without_loopback_port(redirect_uri) in registered

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(fingerprint(client_secret), self.row.secret_hash or "")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        # A secret proves as much in the body as in the header; libraries differ in their default.
        return method == "none" if self.is_public else method in SECRET_METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def load_client(session: Session, client_id: str | None) -> RegisteredClient | None:
    row = _CLIENTS.get(session, id=client_id) if client_id else None
    return RegisteredClient(row) if row else None


def add_client(  # noqa: PLR0913 (the metadata of RFC 7591 §2)
    session: Session,
    *,
    name: str,
    redirect_uris: Sequence[str],
    client_id: str | None = None,
    secret: str | None = None,
    public: bool = False,
    post_logout_redirect_uris: Sequence[str] = (),
    first_party: bool = True,
    require_pkce: bool = True,
) -> tuple[Client, str | None]:
    """Register a client and return it with its secret, which cannot be read again later.

    Raises ValueError when something about it is not allowed.
    """
    if not name.strip():
        raise ValueError("An application needs a name that people can read.")
    for uri in (*redirect_uris, *post_logout_redirect_uris):
        check_uri(uri)
    if client_id and session.get(Client, client_id):
        raise ValueError(f"There is already an application with the client_id {client_id}.")
    secret = None if public else _check_secret(secret or new_secret())
    client = Client(
        id=client_id or secrets.token_urlsafe(16),
        name=name,
        secret_hash=fingerprint(secret) if secret else None,
        token_endpoint_auth_method="none" if public else "client_secret_basic",
        redirect_uris=list(redirect_uris),
        post_logout_redirect_uris=list(post_logout_redirect_uris),
        first_party=first_party,
        require_pkce=require_pkce,
    )
    session.add(client)
    return client, secret


def check_uri(uri: str) -> None:
    """Raise ValueError unless browsers may safely be sent to this address."""
    url = urlsplit(uri)
    if not url.scheme or not _URI_CHARACTERS.fullmatch(uri):
        raise ValueError(f"{uri} is not an absolute URI such as https://app.example.com/callback.")
    if "*" in url.netloc:
        raise ValueError(f"{uri} must name one host: there are no wildcards.")
    if "#" in uri:  # RFC 6749 §3.1.2
        raise ValueError(f"{uri} must not have a fragment (#...).")
    if url.scheme in {"http", "https"}:
        if not url.hostname or "@" in url.netloc:
            raise ValueError(f"{uri} must name a host, and no user name.")
        if url.scheme == "http" and not is_loopback(url.hostname):
            raise ValueError(f"{uri} must begin with https:// unless its host is a loopback one.")
    elif "." not in url.scheme:  # RFC 8252 §7.1
        raise ValueError(f"{uri} needs https:// or a scheme made from a domain: com.example.app.")


def _check_secret(secret: str) -> str:
    # Stored as a plain SHA-256, so it must be too random to guess.
    if len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"A client secret needs at least {_SHORTEST_SECRET} random characters.")
    return secret


def _without_loopback_port(uri: str) -> str:
    return _LOOPBACK_PORT.sub(r"\1", uri)
