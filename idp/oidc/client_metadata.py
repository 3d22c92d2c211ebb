"""What a client says of itself when it is registered (RFC 7591 §2), with a check per rule."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.oidc.keys import ALGORITHM, ALGORITHMS
from idp.settings import is_loopback
from idp.storage.tables import Client

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

_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 §2


@dataclass(frozen=True, kw_only=True)
class ClientMetadata:
    """A client to be; names are those of RFC 7591, but for what they leave to us."""

    name: str
    redirect_uris: Sequence[str] = ()
    public: bool = False
    """Cannot keep a secret, so it has none."""
    jwks: dict[str, Any] | None = None
    """Public keys; who has some, here or at `jwks_uri`, signs instead of sending a secret."""
    jwks_uri: str | None = None
    post_logout_redirect_uris: Sequence[str] = ()
    grant_types: Sequence[str] = ("authorization_code", "refresh_token")
    scope: str = "openid profile email address phone offline_access"
    first_party: bool = True
    require_pkce: bool = True
    id_token_signed_response_alg: str = ALGORITHM
    userinfo_signed_response_alg: str | None = None
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    dpop_bound_access_tokens: bool = False
    """Every token must be bound to a key (RFC 9449 §5.2)."""

    @property
    def token_endpoint_auth_method(self) -> str:
        if self.public:
            return "none"
        return "private_key_jwt" if self.jwks or self.jwks_uri else "client_secret_basic"

    @property
    def has_secret(self) -> bool:
        return self.token_endpoint_auth_method == "client_secret_basic"

    def check(self) -> None:
        """Raise ValueError when something is not allowed."""
        for check in CHECKS:
            check(self)

    def to_row(self, client_id: str) -> Client:
        values = asdict(self)
        del values["public"]
        for name in ("redirect_uris", "post_logout_redirect_uris", "grant_types"):
            values[name] = list(values[name])
        method = self.token_endpoint_auth_method
        return Client(id=client_id, token_endpoint_auth_method=method, **values)


def check_name(client: ClientMetadata) -> None:
    """RFC 7591 §2: people are shown the name."""
    if not client.name.strip():
        raise ValueError("An application needs a name that people can read.")


def check_addresses(client: ClientMetadata) -> None:
    """RFC 6749 §3.1.2, RP-Initiated Logout §3.1: browsers are sent nowhere else."""
    for uri in (*client.redirect_uris, *client.post_logout_redirect_uris):
        check_uri(uri)


def check_own_servers(client: ClientMetadata) -> None:
    """RFC 7591 §2, Back-Channel Logout §2.2: what this server itself calls, by https."""
    for uri in _called(client):
        check_uri(uri)
        if urlsplit(uri).scheme not in {"http", "https"}:
            raise ValueError(f"{uri} must begin with https://.")


def check_grants(client: ClientMetadata) -> None:
    """RFC 6749 §4.4: a grant without a person needs a client that can prove who it is."""
    check_grant_types(client.grant_types, public=client.public)


def check_algorithms(client: ClientMetadata) -> None:
    """OIDC Registration §2: there must be a key for the signatures asked for."""
    for algorithm in (client.id_token_signed_response_alg, client.userinfo_signed_response_alg):
        check_algorithm(algorithm or ALGORITHM)


def check_keys(client: ClientMetadata) -> None:
    """RFC 7591 §2: keys are given here or at an address, not both."""
    if client.jwks and client.jwks_uri:
        raise ValueError("The keys are either given or found at an address, not both.")
    if client.jwks:
        check_jwks(client.jwks)


CHECKS: tuple[Callable[[ClientMetadata], None], ...] = (
    check_name,
    check_addresses,
    check_own_servers,
    check_grants,
    check_algorithms,
    check_keys,
)


def _called(client: ClientMetadata) -> Iterator[str]:
    yield from filter(None, (client.jwks_uri, client.backchannel_logout_uri))


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
