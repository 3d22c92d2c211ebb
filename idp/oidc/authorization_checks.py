"""The rules of an authorization request that authlib leaves to us, one check for each."""

import re
from urllib.parse import urlsplit

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseTypeError,
)
from authlib.oidc.core.errors import (
    ConsentRequiredError,
    InvalidRequestObjectError,
    LoginRequiredError,
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)

from idp.oidc.access_token import InvalidTargetError
from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.dpop import JKT

PROMPTS = ("none", "login", "consent", "select_account", "create")
RESPONSE_MODES = ("query", "form_post")
_SECONDS = re.compile(r"[0-9]{1,9}")


class UnmetAuthenticationRequirementsError(OAuth2Error):
    """OpenID Connect Core Unmet Authentication Requirements 1.0 §3."""

    error = "unmet_authentication_requirements"


def check_repetition(request: AuthorizationRequest) -> None:
    """RFC 6749 §3.1: no parameter more than once."""
    if request.parameters.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")


def check_request_object(request: AuthorizationRequest) -> None:
    """OIDC Core §6, RFC 9101 §6: a request object that cannot be read must not be ignored."""
    if request.parameters.get("request"):
        if not (request.client.row.jwks or request.client.row.jwks_uri):
            raise RequestNotSupportedError("The client has no registered key.")
        message = "The request object is not signed by the client, for this server and for now."
        raise InvalidRequestObjectError(message)
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
    if (request.parameters.get("response_mode") or "query") not in RESPONSE_MODES:
        raise InvalidRequestError(f"The response_mode must be {' or '.join(RESPONSE_MODES)}.")


def check_form_post(request: AuthorizationRequest) -> None:
    """Form Post Response Mode §2: a form can be posted over the web only."""
    is_form_post = request.parameters.get("response_mode") == "form_post"
    scheme = urlsplit(request.parameters.get("redirect_uri") or "").scheme
    if is_form_post and scheme not in {"http", "https"}:
        raise InvalidRequestError("response_mode=form_post needs an http or https redirect_uri.")


def check_scope(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1: a request without the openid scope is no OpenID Connect request."""
    if "openid" not in request.scope.split():
        raise InvalidScopeError("The scope must contain openid.")


def check_resource(request: AuthorizationRequest) -> None:
    """RFC 8707 §2: every API named must be known, or the person would be asked in vain."""
    if not {*(request.parameters.get("resource") or "").split()} <= request.apis:
        raise InvalidTargetError("There is no API with this identifier.")


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


def check_dpop_jkt(request: AuthorizationRequest) -> None:
    """RFC 9449 §10: a code is bound to the SHA-256 thumbprint of a key."""
    if not JKT.fullmatch(request.parameters.get("dpop_jkt") or "A" * 43):
        raise InvalidRequestError("dpop_jkt must be a SHA-256 thumbprint (RFC 7638).")


def check_prompt(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1, Prompt Create 1.0: values discovery lists; none stands alone."""
    if not request.prompts <= set(PROMPTS) or {"none"} < request.prompts:
        raise InvalidRequestError(f"The prompt must be one of {', '.join(PROMPTS)}.")


def check_max_age(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1: max_age is a number of seconds."""
    if not _SECONDS.fullmatch(request.parameters.get("max_age") or "0"):
        raise InvalidRequestError("max_age must be a number of seconds.")


def check_claims(request: AuthorizationRequest) -> None:
    """OIDC Core §5.5: claims is a JSON object."""
    try:
        _ = request.claims
    except ValueError as error:
        message = "claims must be a JSON object as of OIDC Core section 5.5."
        raise InvalidRequestError(message) from error


def check_acr(request: AuthorizationRequest) -> None:
    """OIDC Core §5.5.1.1: an essential acr that cannot be reached is a failed sign-in."""
    if request.claims.is_essential("acr") and request.acr is None:
        raise UnmetAuthenticationRequirementsError("No sign-in here has one of these acr values.")


def check_id_token_hint(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.2: a hint must be an id token issued here; it may have expired."""
    if request.parameters.get("id_token_hint") and request.hint is None:
        raise InvalidRequestError("The id_token_hint was not issued here.")


def check_sign_in(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.1 and §3.1.2.3: prompt=none shows no page; the hint names the person."""
    if request.needs_sign_in and "none" in request.prompts:
        raise LoginRequiredError
    if request.is_someone_else and not request.needs_sign_in:
        raise LoginRequiredError("Another person than the client wants has signed in.")


def check_consent(request: AuthorizationRequest) -> None:
    """OIDC Core §3.1.2.4 and §3.1.2.6: prompt=none asks for no consent either."""
    if request.needs_consent and "none" in request.prompts:
        raise ConsentRequiredError


CLIENT_CHECKS = (
    check_repetition,
    check_request_object,
    check_registration,
    check_response_type,
    check_response_mode,
    check_form_post,
    check_scope,
    check_resource,
    check_code_challenge,
    check_code_challenge_method,
    check_dpop_jkt,
    check_prompt,
    check_max_age,
    check_claims,
    check_acr,
    check_id_token_hint,
)
"""What the client sent; these can be checked before anybody's browser is involved (RFC 9126)."""

CHECKS = (*CLIENT_CHECKS, check_sign_in, check_consent)
