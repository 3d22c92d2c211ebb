"""The end session endpoint (OpenID Connect RP-Initiated Logout 1.0)."""

import hmac
from dataclasses import dataclass
from typing import Any

from authlib.common.urls import add_params_to_uri
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from idp.accounts.sessions import SignedIn, load_session, sign_out
from idp.oidc.clients import RegisteredClient, load_client
from idp.oidc.parameters import Parameters, form_parameters, query_parameters
from idp.oidc.provider import Provider
from idp.web.cookies import session_cookie
from idp.web.i18n import mark


@dataclass(frozen=True)
class LogoutRequest:
    """A request to sign out, with all that decides its answer."""

    parameters: Parameters
    hint: dict[str, Any] | None
    """The claims of the id_token_hint, if there is one and it was issued here."""
    client: RegisteredClient | None
    signed_in: SignedIn | None

    @property
    def session_id(self) -> str | None:
        """The session to end: of this browser or, if its cookie did not come, of the hint."""
        if self.signed_in:
            return self.signed_in.session.id
        return self.hint.get("sid") if self.hint else None

    @property
    def needs_confirmation(self) -> bool:
        """§6: without a hint for the person signed in, anybody's link could sign people out."""
        if self.signed_in is None:
            return False
        return self.hint is None or self.hint["sub"] != self.signed_in.user.id


async def end_session_endpoint(provider: Provider, request: Request) -> Response:
    """Sign the person out, asking first unless the id_token_hint vouches for the request."""
    is_form = request.method == "POST"
    parameters = await form_parameters(request) if is_form else query_parameters(request)
    asked = await provider.database.run(_read, provider, request, parameters)
    if not all(check(asked) for check in CHECKS):
        return provider.pages.error(
            request,
            mark("You are still signed in"),
            mark(
                "The application that wanted to sign you out sent a request that cannot be right: "
                "its id_token_hint, client_id or post_logout_redirect_uri is wrong."
            ),
        )
    if asked.needs_confirmation and not _is_confirmed(provider, asked):
        return _confirmation_page(provider, request, asked)
    await provider.database.run(_end_session, provider, asked)
    response = _answer(provider, request, parameters)
    session_cookie(provider.settings).clear(response)
    return response


def check_id_token_hint(asked: LogoutRequest) -> bool:
    """§2: the hint must have been issued here; it may have expired."""
    return asked.hint is not None or asked.parameters.get("id_token_hint") is None


def check_client_id(asked: LogoutRequest) -> bool:
    """§2: the client_id must be known, and the one the hint was issued to."""
    client_id = asked.parameters.get("client_id")
    if client_id is None:
        return True
    return asked.client is not None and (asked.hint is None or asked.hint["aud"] == client_id)


def check_post_logout_redirect_uri(asked: LogoutRequest) -> bool:
    """§3: the person returns only to an address registered for the client, exactly."""
    uri = asked.parameters.get("post_logout_redirect_uri")
    if uri is None:
        return True
    return asked.client is not None and uri in asked.client.row.post_logout_redirect_uris


CHECKS = (check_id_token_hint, check_client_id, check_post_logout_redirect_uri)


def _read(
    session: Session, provider: Provider, request: Request, parameters: Parameters
) -> LogoutRequest:
    id_token_hint = parameters.get("id_token_hint")
    hint = provider.keys.read_id_token(id_token_hint) if id_token_hint else None
    client_id = parameters.get("client_id") or (hint["aud"] if hint else None)
    cookie = session_cookie(provider.settings).read(request)
    signed_in = load_session(session, cookie, provider.settings)
    return LogoutRequest(parameters, hint, load_client(session, client_id), signed_in)


def _confirmation(provider: Provider, asked: LogoutRequest) -> str:
    """Return what only our own page about this session can send (against forged forms)."""
    return provider.secrets.keyed_hash("logout", asked.session_id or "")


def _is_confirmed(provider: Provider, asked: LogoutRequest) -> bool:
    sent = asked.parameters.get("confirmation") or ""
    return hmac.compare_digest(sent.encode(), _confirmation(provider, asked).encode())


def _confirmation_page(provider: Provider, request: Request, asked: LogoutRequest) -> Response:
    fields = {**asked.parameters.data, "confirmation": _confirmation(provider, asked)}
    return provider.pages.render(request, "oidc/logout.html", fields=fields)


def _end_session(session: Session, provider: Provider, asked: LogoutRequest) -> None:
    """End the session and what was granted in it, but for what may outlive it (§2, §11 of Core)."""
    if asked.session_id:
        sign_out(session, provider.outbox, asked.session_id)


def _answer(provider: Provider, request: Request, parameters: Parameters) -> Response:
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None:
        return provider.pages.render(request, "oidc/signed_out.html")
    state = parameters.get("state")
    location = add_params_to_uri(uri, {"state": state}) if state else uri
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})
