"""The cookies: which browser this is, who is signed in with it, what language they read."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from idp.settings import Settings
from idp.web.i18n import LOCALE_COOKIE

_A_YEAR = 365 * 86_400  # seconds
_LONGEST = 400 * 86_400  # seconds; no browser keeps a cookie longer (RFC 6265bis §5.5)


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


def session_cookie(settings: Settings, *, lasting: bool = True) -> Cookie:
    """Keep a person signed in: as long as a session can last, or as long as the browser is open."""
    max_age = settings.session_max_days * 86_400 if lasting else None
    return _cookie("idp_session", settings, max_age)


def device_cookie(settings: Settings) -> Cookie:
    """Know a browser again in which a person signed in before; it opens nothing by itself."""
    return _cookie("idp_device", settings, _LONGEST)


def language_cookie(settings: Settings, *, lasting: bool) -> Cookie:
    """Keep a language: as long as the browser is open, or a year because a person chose it."""
    return Cookie(LOCALE_COOKIE, not settings.is_loopback, _A_YEAR if lasting else None)


def _cookie(name: str, settings: Settings, max_age: int | None = None) -> Cookie:
    secure = not settings.is_loopback
    return Cookie(f"__Host-{name}" if secure else name, secure, max_age)
