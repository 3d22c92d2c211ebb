"""What a wording looks like in a mail, with sample values and before anybody is sent one."""

import re
from enum import StrEnum

from idp.administration.email_templates import Key
from idp.connector_kit import EmailTemplate, RenderedEmail, render
from idp.outbox.sample import sample_mail

_PREFERS = re.compile(r"prefers-color-scheme\s*:\s*(light|dark)", re.IGNORECASE)
_SCHEMES = re.compile(r"(?<!-)(color-scheme\s*:|name=\"color-scheme\" content=\")[^;\"}<]*", re.I)


class View(StrEnum):
    """How somebody reads it."""

    DESKTOP = "desktop"
    PHONE = "phone"
    DARK = "dark"
    TEXT = "text"
    SOURCE = "source"


def rendered(key: Key, wording: EmailTemplate) -> RenderedEmail:
    """Fill a wording with sample values, as a connector fills it with real ones."""
    sample = sample_mail("alex@example.com", key.usage_type, locale=key.language_tag)
    return render(wording, sample.payload)


def in_scheme(markup: str, scheme: str) -> str:
    """Return markup that looks as on a `light` or `dark` device, whatever device shows it.

    What asks for the device's scheme is answered at once: a condition becomes one that always or
    never holds, and the schemes a mail says it can take become the one.
    """

    def answer(asked: re.Match[str]) -> str:
        return "min-width: 0" if asked[1].lower() == scheme else "max-width: 0"

    return _SCHEMES.sub(rf"\g<1>{scheme}", _PREFERS.sub(answer, markup))
