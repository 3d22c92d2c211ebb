"""Token exchange (RFC 8693): a service asks for a token to act for the person it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from idp.oidc.access_token import InvalidTargetError
from idp.oidc.client_metadata import TOKEN_EXCHANGE
from idp.oidc.credentials import Credential
from idp.storage.tables import AccessToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idp.oidc.clients import RegisteredClient
    from idp.oidc.engine import Engine

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class SubjectCredential(Credential[AccessToken]):
    """An access token of the person somebody wants to act for."""


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """Gives an access token of the same grant, so that both end together."""

    GRANT_TYPE = TOKEN_EXCHANGE
    server: Engine

    def validate_token_request(self) -> None:
        """Raise OAuth2Error unless the client may have what it asks for."""
        client = cast("RegisteredClient", self.authenticate_token_endpoint_client())
        self.request.client = client
        if client.is_public or not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for token exchange.")
        form = self.server.request.form
        for check in (check_subject_token_type, check_requested_token_type, check_unsupported):
            check(form)
        subject = self.server.credential
        if not isinstance(subject, SubjectCredential) or not subject.is_live:
            raise InvalidGrantError("The subject_token is unknown or has ended.")
        check_scope(form, subject)

    def create_token_response(self) -> tuple[int, Any, Any]:
        """Answer as RFC 8693 §2.2.1 says."""
        subject = cast("SubjectCredential", self.server.credential)
        scope = self.server.request.form.get("scope", subject.row.scope)
        token: dict[str, Any] = self.generate_token(scope=scope, include_refresh_token=False)
        self.server.save_token(token, self.request)
        return 200, token | {"issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER


def check_subject_token_type(form: Mapping[str, str]) -> None:
    """RFC 8693 §2.1: the type is required; only access tokens are taken."""
    if form.get("subject_token_type") != ACCESS_TOKEN:
        raise InvalidRequestError(f"The subject_token_type must be {ACCESS_TOKEN}.")


def check_requested_token_type(form: Mapping[str, str]) -> None:
    """RFC 8693 §2.1: the type asked for, if any, must be one that can be given."""
    if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise InvalidRequestError("Only access tokens are given.")


def check_unsupported(form: Mapping[str, str]) -> None:
    """RFC 8693 §2.1: what would change the meaning of the token must not be ignored."""
    if "actor_token" in form:
        raise InvalidRequestError("An actor_token is not supported.")
    if "audience" in form:
        raise InvalidTargetError("Name the API by its resource, not by its audience.")


def check_scope(form: Mapping[str, str], subject: SubjectCredential) -> None:
    """RFC 8693 §5: the new token allows nothing that the old one does not."""
    if not {*form.get("scope", "").split()} <= {*subject.row.scope.split()}:
        raise InvalidScopeError("The scope is wider than that of the subject_token.")
