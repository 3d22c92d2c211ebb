"""Colours, and whether text in one is readable on another (WCAG 2.2, 1.4.3)."""

from dataclasses import astuple, dataclass

READABLE = 4.5
"""Least contrast of text."""


@dataclass(frozen=True)
class Color:
    """A colour of sRGB, each part from 0 to 255."""

    red: int
    green: int
    blue: int

    @classmethod
    def parse(cls, text: str) -> "Color":
        """Read `#rrggbb`."""
        return cls(*bytes.fromhex(text.removeprefix("#")))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, from 0 to 1."""
        red, green, blue = (_linear(part / 255) for part in astuple(self))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(self, other: "Color") -> float:
        """Return the contrast ratio, from 1 to 21."""
        darker, lighter = sorted((self.luminance, other.luminance))
        return (lighter + 0.05) / (darker + 0.05)

    def text_on_it(self) -> "Color":
        """Return white or black: one of them is readable on any colour."""
        return WHITE if self.contrast(WHITE) >= READABLE else BLACK

    def readable_on(self, paper: "Color") -> "Color":
        """Return this colour, made darker or lighter until text in it is readable on `paper`."""
        end = BLACK if paper.text_on_it() == BLACK else WHITE
        tints = (self._mixed_with(end, step / 20) for step in range(21))
        return next(tint for tint in tints if tint.contrast(paper) >= READABLE)

    def _mixed_with(self, other: "Color", share: float) -> "Color":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Color(*(round(mine + (theirs - mine) * share) for mine, theirs in pairs))


WHITE = Color(255, 255, 255)
BLACK = Color(0, 0, 0)


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
