"""The look of the pages, as the sign-in experience says."""

from idp.accounts.sign_in_experience import (
    DEFAULT_COLOR,
    DEFAULT_DARK_COLOR,
    SignInExperience,
)
from idp.web.look import Look


def look_of(experience: SignInExperience, issuer: str) -> Look:
    """Return what pages are drawn with; pictures of this server are named by their path."""
    branding, color, language = experience.branding, experience.color, experience.language_info
    has_own = color.primary_color == DEFAULT_COLOR and color.dark_primary_color in {
        None,
        DEFAULT_DARK_COLOR,
    }
    return Look(
        fallback_language=language.fallback_language,
        auto_detect=language.auto_detect,
        logo=_path(branding.logo_url, issuer),
        logo_dark=_path(branding.dark_logo_url, issuer),
        favicon=_path(branding.favicon, issuer),
        favicon_dark=_path(branding.dark_favicon, issuer),
        primary_color=None if has_own else color.primary_color,
        primary_color_dark=None if has_own else color.dark_primary_color,
        has_dark_mode=color.is_dark_mode_enabled,
        custom_css=experience.custom_css,
        terms_url=experience.terms_of_use_url,
        privacy_url=experience.privacy_policy_url,
    )


def _path(address: str | None, issuer: str) -> str | None:
    return address.removeprefix(issuer) if address else None
