"""The code itself: digits from a CSPRNG, and what people type back."""

import secrets
import unicodedata


def new_code(length: int) -> str:
    """Return `length` random decimal digits, leading zeros included."""
    return str(secrets.randbelow(10**length)).zfill(length)


def read_code(typed: str, length: int) -> str | None:
    """Return the digits a person typed or pasted, or None unless exactly `length` remain.

    Spaces, separators and words around the digits are ignored, and any Unicode decimal digit
    counts, also what NFKC makes one: `428 913`, `Your code: 428-913`, full-width, Persian and
    circled digits are all the same code.
    """
    normalised = unicodedata.normalize("NFKC", typed)
    digits = (unicodedata.decimal(character, None) for character in normalised)
    found = "".join(str(digit) for digit in digits if digit is not None)
    return found if len(found) == length else None
