"""The page on which a person lets a device in (RFC 8628 §3.3)."""

from dataclasses import dataclass

from sqlalchemy import bindparam
from sqlmodel import Session, col, select, update
from starlette.requests import Request
from starlette.responses import Response

from idp.accounts.sessions import SignedIn, load_session
from idp.oidc.authorize import see_other
from idp.oidc.consent import WORDS
from idp.oidc.device_authorization import typed_user_code
from idp.oidc.interactions import await_sign_in
from idp.oidc.parameters import Parameters, form_parameters, query_parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import new_id, new_secret
from idp.storage.statements import Rows, Statement
from idp.storage.tables import Client, DeviceAuthorization, Grant, now
from idp.web.cookies import browser_cookie, session_cookie
from idp.web.i18n import mark

_FIND = Statement[tuple[DeviceAuthorization, str]](
    select(DeviceAuthorization, Client.name)
    .join(Client, col(Client.id) == col(DeviceAuthorization.client_id))
    .where(
        col(DeviceAuthorization.user_code) == bindparam("user_code"),
        col(DeviceAuthorization.expires_at) > bindparam("moment"),
        col(DeviceAuthorization.grant_id).is_(None),
        col(DeviceAuthorization.denied_at).is_(None),
    )
)
_DECIDE = Statement[None](
    update(DeviceAuthorization)
    .where(
        col(DeviceAuthorization.user_code) == bindparam("typed"),
        col(DeviceAuthorization.grant_id).is_(None),
        col(DeviceAuthorization.denied_at).is_(None),
    )
    .values(grant_id=bindparam("grant_id"), denied_at=bindparam("denied_at"))
)
_GRANTS = Rows(Grant)


@dataclass(frozen=True)
class Asked:
    """What a person typed, who they are, and the device that waits for it."""

    typed: str
    signed_in: SignedIn | None
    device: DeviceAuthorization | None
    application: str


async def device_page(provider: Provider, request: Request) -> Response:
    """Ask for the code a device shows, then whether to let it in, then do what was decided."""
    is_form = request.method == "POST"
    sent = await form_parameters(request) if is_form else query_parameters(request)
    asked = await provider.database.run(_read, provider, request, sent)
    if asked.signed_in is None:
        return await _sign_in_first(provider, request, asked)
    if not is_form:
        # RFC 8628 §5.4: a code that came in a link is compared by the person before it counts.
        return _show(provider, request, asked)
    if asked.device is None:
        error = mark("This code is unknown or too old. Let the device show a new one.")
        return _show(provider, request, asked, error)
    decision = sent.get("decision")
    if decision not in {"allow", "deny"}:
        return _confirm(provider, request, asked, asked.device)
    await provider.database.run(_decide, asked.signed_in, asked.device, decision == "allow")
    return provider.pages.render(request, "oidc/device_done.html", allowed=decision == "allow")


def _read(session: Session, provider: Provider, request: Request, sent: Parameters) -> Asked:
    typed = sent.get("user_code") or ""
    cookie = session_cookie(provider.settings).read(request)
    signed_in = load_session(session, cookie, provider.settings)
    if signed_in is None or not typed:
        return Asked(typed, signed_in, None, "")
    found = _FIND.first(session, user_code=typed_user_code(typed), moment=now())
    device, application = found or (None, "")
    return Asked(typed, signed_in, device, application)


async def _sign_in_first(provider: Provider, request: Request, asked: Asked) -> Response:
    """Let the person sign in and come back by themselves, with what they had typed."""
    cookie = browser_cookie(provider.settings)
    browser = cookie.read(request) or new_secret()
    typed = {"user_code": asked.typed} if asked.typed else {}
    response = see_other(await provider.database.run(await_sign_in, typed, browser))
    cookie.write(response, browser)
    return response


def _show(provider: Provider, request: Request, asked: Asked, error: str = "") -> Response:
    status_code = 400 if error else 200
    return provider.pages.render(
        request, "oidc/device.html", status_code=status_code, error=error, typed=asked.typed
    )


def _confirm(
    provider: Provider, request: Request, asked: Asked, device: DeviceAuthorization
) -> Response:
    scopes = device.scope.split()
    return provider.pages.render(
        request,
        "oidc/device_confirm.html",
        application=asked.application,
        email=asked.signed_in.user.email if asked.signed_in else "",
        user_code=device.user_code,
        wants=[WORDS.get(scope, scope) for scope in scopes if scope != "openid"],
    )


def _decide(
    session: Session, signed_in: SignedIn, device: DeviceAuthorization, allowed: bool
) -> None:
    """Write the decision, unless somebody was faster; the device stays when the person leaves."""
    grant_id = new_id() if allowed else None
    if grant_id:
        _GRANTS.insert(
            session,
            id=grant_id,
            client_id=device.client_id,
            user_id=signed_in.user.id,
            scope=device.scope,
            auth_time=signed_in.auth_time,
            amr=signed_in.session.amr,
        )
    denied_at = None if allowed else now()
    _DECIDE.run(session, typed=device.user_code, grant_id=grant_id, denied_at=denied_at)
