"""How the pages of a deployment look, and which language they fall back on."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from idp.settings import Settings


@dataclass(frozen=True)
class Look:
    """What pages are drawn with; pictures by their addresses."""

    fallback_language: str = "en"
    auto_detect: bool = True
    """Believe the browser's Accept-Language."""
    logo: str | None = None
    logo_dark: str | None = None
    favicon: str | None = None
    favicon_dark: str | None = None
    primary_color: str | None = None
    primary_color_dark: str | None = None
    has_dark_mode: bool = True
    custom_css: str | None = None
    """None: the file of the settings, if there is one."""
    terms_url: str | None = None
    privacy_url: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Look":
        """Return the look the settings describe."""
        return cls(
            fallback_language=settings.default_locale,
            logo="/branding/logo" if settings.logo else None,
            logo_dark="/branding/logo-dark" if settings.logo_dark else None,
            primary_color=settings.primary_color,
            primary_color_dark=settings.primary_color_dark,
            terms_url=settings.terms_url,
            privacy_url=settings.privacy_url,
        )

    @property
    def has_colors(self) -> bool:
        """Tell whether anything differs from the colours of the server itself."""
        return self.primary_color is not None or not self.has_dark_mode

    @property
    def picture_origins(self) -> list[str]:
        """Return the other sites pictures come from, for the Content-Security-Policy."""
        return sorted(set(self._origins()))

    def _origins(self) -> Iterator[str]:
        for address in (self.logo, self.logo_dark, self.favicon, self.favicon_dark):
            parts = urlsplit(address or "")
            if parts.netloc:
                yield f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
