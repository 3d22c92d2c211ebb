"""Which language a person reads, and the catalogue of it."""

import gettext
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.requests import Request

LOCALE_DIRECTORY = Path(__file__).parent / "locale"
LOCALES = ("en", "de")
"""Languages whose catalogues are complete; the first is the source language."""

LOCALE_COOKIE = "idp_locale"


def mark(msgid: str) -> str:
    """Mark a sentence for the translators; it is translated where it is said."""
    return msgid


def negotiate(request: Request, default: str) -> str:
    """Choose a language: `ui_locales` (OIDC Core §3.1.2.1), cookie, Accept-Language, default."""
    wanted = [
        *request.query_params.get("ui_locales", "").split(),
        request.cookies.get(LOCALE_COOKIE, ""),
        *_accept_language(request.headers.get("accept-language", "")),
        default,
    ]
    return best_match(wanted) or LOCALES[0]


def best_match(wanted: Iterable[str]) -> str | None:
    """Return the first wanted language there is a catalogue for, by tag or by base language."""
    known = {locale.lower(): locale for locale in LOCALES}
    for tag in wanted:
        lowered = tag.lower()
        if match := known.get(lowered) or known.get(lowered.partition("-")[0]):
            return match
    return None


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the translations of a language; the source language needs none."""
    return gettext.translation("pages", LOCALE_DIRECTORY, languages=[locale], fallback=True)


def _accept_language(header: str) -> list[str]:
    """Order the languages of an Accept-Language header (RFC 9110 §12.5.4)."""
    weighted: list[tuple[float, str]] = []
    for part in header[:1024].split(","):
        tag, _, parameters = part.strip().partition(";")
        weighted.append((_quality(parameters), tag.strip()))
    ordered = sorted(weighted, key=lambda pair: -pair[0])
    return [tag for quality, tag in ordered if tag and quality > 0]


def _quality(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
