"""An authorization request (OIDC Core §3.1.2.1) and the rules of it that authlib leaves to us."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseTypeError,
)
from authlib.oidc.core.errors import (
    ConsentRequiredError,
    LoginRequiredError,
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)

from idp.accounts.sessions import SignedIn
from idp.oidc.clients import RegisteredClient
from idp.oidc.keys import KeyRing
from idp.oidc.parameters import Parameters
from idp.storage.tables import Interaction, now

PROMPTS = ("none", "login", "create")
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request whose client and redirect_uri are proven, with all that decides its answer."""

    parameters: Parameters
    client: RegisteredClient
    signed_in: SignedIn | None
    interaction: Interaction | None
    """Set when the person was sent to the sign-in pages and has come back."""
    keys: KeyRing

    @property
    def prompts(self) -> set[str]:
        return set((self.parameters.get("prompt") or "").split())

    @cached_property
    def hint(self) -> dict[str, Any] | None:
        """The claims of the id_token_hint, if there is one and it was issued here."""
        id_token = self.parameters.get("id_token_hint")
        return self.keys.read_id_token(id_token) if id_token else None

    @property
    def needs_sign_in(self) -> bool:
        """Tell whether the person must act before the client gets its answer."""
        if self.signed_in is None:
            return True
        if self.interaction and self.signed_in.auth_time >= self.interaction.created_at:
            return False
        return bool(self.prompts & {"login", "create"}) or self.is_too_old or self.is_someone_else

    @property
    def is_too_old(self) -> bool:
        """Tell whether the sign-in happened longer ago than max_age allows."""
        max_age = self.parameters.get("max_age")
        if max_age is None or self.signed_in is None:
            return False
        return now() - self.signed_in.auth_time > timedelta(seconds=int(max_age))

    @property
    def is_someone_else(self) -> bool:
        """Tell whether the id_token_hint names another person than the one signed in."""
        if self.hint is None or self.signed_in is None:
            return False
        return bool(self.hint.get("sub") != self.signed_in.user.id)


def check_repetition(request: AuthorizationRequest) -> None:
    """RFC 6749 §3.1: no parameter more than once."""
    if request.parameters.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")


def check_request_object(request: AuthorizationRequest) -> None:
    """OIDC Core §6: a request object that cannot be read must not be ignored."""
    if request.parameters.get("request"):
        raise RequestNotSupportedError
    if request.parameters.get("request_uri"):
        raise RequestURINotSupportedError


def check_registration(request: AuthorizationRequest) -> None:
    """OIDC Core §7.2.1: nor must an attempt of the client to describe itself."""
    if request.parameters.get("registration"):
        raise RegistrationNotSupportedError


def check_response_type(request: AuthorizationRequest) -> None:
    """RFC 6749 §3.1.1, RFC 9700 §2.1.2: a code is all an authorization response carries."""
    if request.parameters.get("response_type") != "code":
        raise UnsupportedResponseTypeError(None, "Only response_type=code is supported.")


def check_response_mode(request: AuthorizationRequest) -> None:
    """OAuth 2.0 Multiple Response Types §2.1: the answer goes where the client looks for it."""
    if request.parameters.get("response_mode") not in {None, "query"}:
        raise InvalidRequestError("Only response_mode=query is supported.")


def check_scope(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1: a request without the openid scope is no OpenID Connect request."""
    asked = request.parameters.get("scope") or ""
    if "openid" not in request.client.get_allowed_scope(asked).split():
        raise InvalidScopeError("The scope must contain openid.")


def check_code_challenge(request: AuthorizationRequest) -> None:
    """RFC 9700 §2.1.1: PKCE for public clients always, for others unless they are exempt."""
    is_required = request.client.is_public or request.client.row.require_pkce
    if is_required and not request.parameters.get("code_challenge"):
        raise InvalidRequestError("A code_challenge is required (PKCE).")


def check_code_challenge_method(request: AuthorizationRequest) -> None:
    """RFC 7636 §4.3: leaving the method out asks for `plain`, which is refused."""
    method = request.parameters.get("code_challenge_method")
    if request.parameters.get("code_challenge") and method != "S256":
        raise InvalidRequestError("The code_challenge_method must be S256.")


def check_prompt(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1, Prompt Create 1.0: only values discovery lists, and none stands alone."""
    if not request.prompts <= set(PROMPTS) or {"none"} < request.prompts:
        raise InvalidRequestError(f"The prompt must be one of {', '.join(PROMPTS)}.")


def check_max_age(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1: max_age is a number of seconds."""
    if not _SECONDS.fullmatch(request.parameters.get("max_age") or "0"):
        raise InvalidRequestError("max_age must be a number of seconds.")


def check_id_token_hint(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.2: a hint must be an id token issued here; it may have expired."""
    if request.parameters.get("id_token_hint") and request.hint is None:
        raise InvalidRequestError("The id_token_hint was not issued here.")


def check_consent(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.4: a client of somebody else gets nothing without the person's consent."""
    if not request.client.row.first_party:
        raise ConsentRequiredError("Only first-party clients are served.")


def check_sign_in(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1 and §3.1.2.3: prompt=none shows no page; the hint names the person."""
    if request.needs_sign_in and "none" in request.prompts:
        raise LoginRequiredError
    if request.is_someone_else and not request.needs_sign_in:
        raise LoginRequiredError("Another person than the id_token_hint names has signed in.")


CHECKS = (
    check_repetition,
    check_request_object,
    check_registration,
    check_response_type,
    check_response_mode,
    check_scope,
    check_code_challenge,
    check_code_challenge_method,
    check_prompt,
    check_max_age,
    check_id_token_hint,
    check_consent,
    check_sign_in,
)
