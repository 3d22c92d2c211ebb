"""Clients: how they are registered, and what authlib asks about them."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin, scope_to_list
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlmodel import Session, col, delete, update

from idp.oidc.keys import ALGORITHM, ALGORITHMS
from idp.settings import is_loopback
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows
from idp.storage.tables import Client, ClientSecret

AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANT_TYPES = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    DEVICE_CODE,
    TOKEN_EXCHANGE,
)

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

    @property
    def uses_assertions(self) -> bool:
        return self.row.token_endpoint_auth_method == "private_key_jwt"

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
    jwks: dict[str, Any] | None = None,
    post_logout_redirect_uris: Sequence[str] = (),
    grant_types: Sequence[str] = ("authorization_code", "refresh_token"),
    scope: str = "openid profile email address phone offline_access",
    first_party: bool = True,
    require_pkce: bool = True,
    id_token_signed_response_alg: str = ALGORITHM,
    userinfo_signed_response_alg: str | None = None,
) -> tuple[Client, str | None]:
    """Register a client and return it with its secret, which cannot be read again later.

    A public client has none, nor has one that signs with a key of `jwks`. Raises ValueError when
    something about it is not allowed.
    """
    if not name.strip():
        raise ValueError("An application needs a name that people can read.")
    for uri in (*redirect_uris, *post_logout_redirect_uris):
        check_uri(uri)
    check_grant_types(grant_types, public=public)
    for algorithm in (id_token_signed_response_alg, userinfo_signed_response_alg or ALGORITHM):
        check_algorithm(algorithm)
    if client_id and session.get(Client, client_id):
        raise ValueError(f"There is already an application with the client_id {client_id}.")
    client = Client(
        id=client_id or secrets.token_urlsafe(16),
        name=name,
        token_endpoint_auth_method=_auth_method(public=public, jwks=jwks),
        jwks=check_jwks(jwks) if jwks else None,
        redirect_uris=list(redirect_uris),
        post_logout_redirect_uris=list(post_logout_redirect_uris),
        grant_types=list(grant_types),
        scope=scope,
        first_party=first_party,
        require_pkce=require_pkce,
        id_token_signed_response_alg=id_token_signed_response_alg,
        userinfo_signed_response_alg=userinfo_signed_response_alg,
    )
    session.add(client)
    session.flush()
    return client, None if public or jwks else add_secret(session, client.id, secret)


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


def check_grant_types(grant_types: Sequence[str], *, public: bool) -> None:
    """Raise ValueError for a grant that is unknown, or one that a public client cannot have."""
    for grant_type in grant_types:
        if grant_type not in GRANT_TYPES:
            raise ValueError(f"{grant_type} is no grant type: {', '.join(GRANT_TYPES)}.")
    # RFC 6749 §4.4; and what acts for people without asking them must prove who it is.
    for grant_type in {"client_credentials", TOKEN_EXCHANGE} & {*grant_types} if public else ():
        raise ValueError(f"{grant_type} needs an application that can keep a secret.")


def check_jwks(jwks: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a client; raises ValueError unless they are a JWK Set of public keys."""
    try:
        keys = KeySet.import_key_set(jwks).keys  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ValueError("The keys are not a JWK Set (RFC 7517).") from error
    if not keys or any(key.key_type == "oct" or key.is_private for key in keys):
        raise ValueError("A JWK Set for this server holds public keys only, at least one.")
    return jwks


def _auth_method(*, public: bool, jwks: dict[str, Any] | None) -> str:
    if public:
        return "none"
    return "private_key_jwt" if jwks else "client_secret_basic"


def check_algorithm(algorithm: str) -> None:
    """Raise ValueError unless there are keys for this signature."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm} is none of {', '.join(ALGORITHMS)}.")


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
