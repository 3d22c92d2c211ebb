"""An ordinary OpenID Connect client: all an application needs to let people sign in."""

from pathlib import Path
from secrets import token_urlsafe

from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

HERE = Path(__file__).parent
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
templates = Jinja2Templates(HERE / "templates")


def create_sample_app(issuer: str, client_id: str, client_secret: str) -> Starlette:
    provider = OAuth().register(
        "idp",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    async def home(request: Request) -> Response:
        return page(request, "sample_app.html", user=request.session.get("user"))

    async def login(request: Request) -> Response:
        wanted = {"prompt": "create"} if request.url.path == "/register" else {}
        redirect: Response = await provider.authorize_redirect(
            request, request.url_for("callback"), **wanted
        )
        return redirect

    async def callback(request: Request) -> Response:
        try:
            tokens = await provider.authorize_access_token(request)  # validates the id_token
        except OAuthError as error:
            return page(request, "sample_app.html", user=None, error=error)
        userinfo = await provider.userinfo(token=tokens)
        request.session["user"] = {"claims": tokens["userinfo"], "userinfo": userinfo}
        request.session["id_token"] = tokens["id_token"]
        return RedirectResponse("/", 303)

    async def logout(request: Request) -> Response:
        id_token = request.session.get("id_token")
        request.session.clear()
        redirect: Response = await provider.logout_redirect(
            request, request.url_for("home"), id_token
        )
        return redirect

    routes = [
        Route("/", home),
        Route("/login", login),
        Route("/register", login),
        Route("/callback", callback),
        Route("/logout", logout, methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    sessions = Middleware(
        SessionMiddleware, secret_key=token_urlsafe(), session_cookie="sample_app"
    )
    return Starlette(routes=routes, middleware=[sessions])


def page(request: Request, template: str, **context: object) -> Response:
    return templates.TemplateResponse(request, template, context, headers=PAGE_HEADERS)
