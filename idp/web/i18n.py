"""Which language a person reads, and the catalogue of it."""

import gettext
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.requests import Request

from idp.connector_kit.language_tags import lookup_order

LOCALE_DIRECTORY = Path(__file__).parent / "locale"
LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "ja": "日本語",
    "pt-BR": "Português (Brasil)",
    "zh-CN": "简体中文",
}
"""What each language calls itself; the first is the source language."""
LOCALES = tuple(LANGUAGES)

LOCALE_COOKIE = "idp_locale"

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def mark(msgid: str) -> str:
    """Mark a sentence for the translators; it is translated where it is said."""
    return msgid


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Mark a sentence that counts something."""
    return singular, plural


def negotiate(request: Request, default: str, *, auto_detect: bool = True) -> str:
    """Choose a language: `ui_locales` (OIDC Core §3.1.2.1), cookie, Accept-Language, default.

    Without `auto_detect`, what the browser says by itself does not count.
    """
    accepted = request.headers.get("accept-language", "") if auto_detect else ""
    wanted = [
        *_ui_locales(request),
        request.cookies.get(LOCALE_COOKIE, ""),
        *_accept_language(accepted),
        default,
    ]
    return best_match(wanted) or LOCALES[0]


def asked_by_application(request: Request) -> str | None:
    """Return the language the application asks for, if there is a catalogue of one it names."""
    return best_match(_ui_locales(request))


def best_match(wanted: Iterable[str]) -> str | None:
    """Return the language of the first wanted tag that some catalogue would do for."""
    return next((tag for want in wanted for tag in lookup_order(want) if tag in LANGUAGES), None)


def direction(locale: str) -> str:
    """Return `rtl` or `ltr`, as HTML names the direction of a language."""
    return "rtl" if locale.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """Return the translations of a language; the source language needs none."""
    directory = locale.replace("-", "_")
    return gettext.translation("pages", LOCALE_DIRECTORY, languages=[directory], fallback=True)


def _ui_locales(request: Request) -> list[str]:
    return request.query_params.get("ui_locales", "")[:1024].split()


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
