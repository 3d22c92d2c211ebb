"""Signing in to the console, through this very server: code flow, PKCE, state and nonce.

The id token names the browser session it was made in. The console's cookie holds that name and
nothing else, sealed: the session and the role are read at every click, so that signing out anywhere
closes the console at once, and no table of second sessions must be kept true to the first.
"""

import secrets
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx2
from starlette.requests import Request
from starlette.responses import Response

from idp.administration.administrators import SIGN_IN_AGE
from idp.console.client import CALLBACK, CLIENT_ID
from idp.console.console import PATH, Console, see_other
from idp.storage.secrets import new_secret
from idp.web.redirects import local_address

_TIME_TO_SIGN_IN = 3600  # seconds


async def start_sign_in(console: Console, request: Request) -> Response:
    """Send the browser to the authorization endpoint."""
    waiting = {
        "state": new_secret(),
        "nonce": new_secret(),
        "code_verifier": secrets.token_urlsafe(48),
        "next": _page_of_console(request.query_params.get("next", PATH)),
        "until": time.time() + _TIME_TO_SIGN_IN,
    }
    challenge = sha256(str(waiting["code_verifier"]).encode()).digest()
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": console.settings.issuer + CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": waiting["state"],
        "nonce": waiting["nonce"],
        "code_challenge": urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "max_age": int(SIGN_IN_AGE.total_seconds()),
    }
    if "other" in request.query_params:
        query["prompt"] = "login"
    response = see_other(f"/oidc/authorize?{urlencode(query)}")
    console.sign_in_cookie.write(response, console.seal(waiting))
    return response


async def finish_sign_in(console: Console, request: Request) -> Response:
    """Take the answer of the authorization endpoint, and only the one that was asked for."""
    waiting = console.unseal(console.sign_in_cookie.read(request))
    claims = await _claims(console, request, waiting)
    if claims is None:
        response: Response = console.page(request, "sign_in_failed.html", status_code=400)
    else:
        response = see_other(_page_of_console(waiting["next"]))
        console.session_cookie.write(response, console.seal({"sid": claims["sid"]}))
    console.sign_in_cookie.clear(response)
    return response


async def sign_out(console: Console, request: Request) -> Response:
    """Leave the console; the browser stays signed in to what else it uses."""
    form = await request.form()
    other = "?other=1" if "other" in form else ""
    response = see_other(f"{PATH}/sign-in{other}" if other else "/account")
    console.session_cookie.clear(response)
    return response


async def _claims(
    console: Console, request: Request, waiting: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the claims of the id token, if everything about the answer is as it must be."""
    asked, sent = waiting.get("state", ""), request.query_params
    is_ours = secrets.compare_digest(asked.encode(), sent.get("state", "").encode())
    if not asked or not is_ours or waiting["until"] < time.time() or "code" not in sent:
        return None
    if sent.get("iss", console.settings.issuer) != console.settings.issuer:  # RFC 9207
        return None
    id_token = await _redeem(console, request, sent["code"], waiting["code_verifier"])
    claims = console.provider.keys.read_id_token(id_token) if id_token else None
    expected = (console.settings.issuer, CLIENT_ID, waiting["nonce"])
    if claims is None or tuple(map(claims.get, ("iss", "aud", "nonce"))) != expected:
        return None
    return claims if claims["exp"] > time.time() and "sid" in claims else None


async def _redeem(
    console: Console, request: Request, authorization_code: str, code_verifier: str
) -> str | None:
    """Ask the token endpoint, without the network: a proxy may not let a server call itself."""
    transport = httpx2.ASGITransport(request.app)
    async with httpx2.AsyncClient(transport=transport, base_url=console.settings.issuer) as client:
        answer = await client.post(
            "/oidc/token",
            data={
                "grant_type": "authorization_code",
                "code": authorization_code,
                "redirect_uri": console.settings.issuer + CALLBACK,
                "client_id": CLIENT_ID,
                "code_verifier": code_verifier,
            },
        )
    token: str | None = answer.json().get("id_token") if answer.is_success else None
    return token


def _page_of_console(asked: str) -> str:
    address = local_address(asked)
    return address if address == PATH or address.startswith(f"{PATH}/") else PATH
