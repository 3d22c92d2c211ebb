"""The two cookies: which browser this is, and who is signed in with it."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from idp.settings import Settings


@dataclass(frozen=True)
class Cookie:
    """A cookie only this host can set and read (RFC 6265bis §4.1.3.2).

    On loopback over http the `__Host-` prefix and Secure are left out, because clients other than
    browsers would not send such a cookie back.
    """

    name: str
    secure: bool
    max_age: int | None = None

    def read(self, request: Request) -> str | None:
        return request.cookies.get(self.name)

    def write(self, response: Response, value: str) -> None:
        response.set_cookie(
            self.name,
            value,
            max_age=self.max_age,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="lax"
        )


def browser_cookie(settings: Settings) -> Cookie:
    """Name a browser, so that what one browser began no other can finish."""
    return _cookie("idp_browser", settings)


def session_cookie(settings: Settings) -> Cookie:
    """Keep a person signed in."""
    return _cookie("idp_session", settings, max_age=settings.session_max_days * 86_400)


def _cookie(name: str, settings: Settings, max_age: int | None = None) -> Cookie:
    secure = not settings.is_loopback
    return Cookie(f"__Host-{name}" if secure else name, secure, max_age)
