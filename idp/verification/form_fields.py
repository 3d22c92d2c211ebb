"""What plugins add to the forms they check, such as a captcha."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_DIRECTIVES = frozenset({"script-src", "style-src", "frame-src", "connect-src", "img-src"})
_ORIGIN = re.compile(r"https://[a-z0-9*.-]+(:\d+)?(/[^\s;,]*)?")


@dataclass(frozen=True)
class FormFields:
    """Markup, and the origins it loads from by the directive of the Content-Security-Policy."""

    html: str = ""
    sources: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, said: Mapping[str, str]) -> "FormFields":
        """Read what a plugin returned; raises ValueError for what no policy should allow."""
        sources = {name: value.split() for name, value in said.items() if name != "html"}
        for directive, origins in sources.items():
            if directive not in _DIRECTIVES:
                raise ValueError(f"{directive} is not one of {', '.join(sorted(_DIRECTIVES))}")
            if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
                raise ValueError(f"{directive} names {wrong[0]}, which is no https origin")
        return cls(said["html"], sources)

    @classmethod
    def together(cls, parts: Iterable["FormFields"]) -> "FormFields":
        """Put what several plugins add into one form."""
        html, sources = "", dict[str, list[str]]()
        for part in parts:
            html += part.html
            for directive, origins in part.sources.items():
                sources.setdefault(directive, []).extend(origins)
        return cls(html, sources)
