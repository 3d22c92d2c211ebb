"""The userinfo endpoint (OIDC Core §5.3), protected as RFC 6750 says."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.oidc.claims import claims_of
from idp.oidc.credentials import Credential, find_credential
from idp.oidc.parameters import form_parameters
from idp.oidc.provider import Provider
from idp.storage.tables import AccessToken


class BearerError(Exception):
    """An error of RFC 6750 §3.1; without a name when no access token came at all (§3)."""

    def __init__(self, status_code: int, error: str = "", description: str = "") -> None:
        super().__init__(error)
        self.status_code = status_code
        self.body = {"error": error, "error_description": description} if error else {}

    def to_response(self) -> Response:
        details = [f'{name}="{value}"' for name, value in self.body.items()]
        challenge = ", ".join(['Bearer realm="userinfo"', *details])
        headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
        return JSONResponse(self.body, self.status_code, headers)


async def userinfo_endpoint(provider: Provider, request: Request) -> Response:
    """Tell a client about the person whose access token it presents."""
    try:
        access_token = await read_access_token(request)
        credential = await provider.database.run(load_access_token, access_token)
        check_scope(credential)
    except BearerError as error:
        return error.to_response()
    claims = claims_of(credential.user, credential.row.scope)
    return JSONResponse(claims, headers={"Cache-Control": "no-store"})


async def read_access_token(request: Request) -> str:
    """Return the access token from the header (RFC 6750 §2.1) or the form (§2.2), not both."""
    scheme, _, in_header = request.headers.get("authorization", "").partition(" ")
    in_form = None
    if request.method == "POST":
        in_form = (await form_parameters(request)).get("access_token")
    if scheme.lower() != "bearer":
        in_header = ""
    if in_header and in_form:
        raise BearerError(400, "invalid_request", "The access token was sent in two ways.")
    if access_token := in_header.strip() or in_form:
        return access_token
    raise BearerError(401)


def load_access_token(session: Session, access_token: str) -> Credential[AccessToken]:
    """Return what an access token stands for; raises BearerError if it stands for nothing."""
    found = find_credential(session, AccessToken, access_token)
    credential = Credential(*found) if found else None
    if credential is None or not credential.is_live:
        raise BearerError(401, "invalid_token", "The access token is unknown or has ended.")
    return credential


def check_scope(credential: Credential[AccessToken]) -> None:
    """OIDC Core §5.3: userinfo is for access tokens of the openid scope."""
    if "openid" not in credential.row.scope.split():
        raise BearerError(403, "insufficient_scope", "The access token lacks the openid scope.")
