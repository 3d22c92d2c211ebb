"""Codes that prove an address: issue, check, limits."""

from idp.verification.limits import Limits, TooManySends
from idp.verification.proofs import Checked, CodeRequest, Proofs

__all__ = ["Checked", "CodeRequest", "Limits", "Proofs", "TooManySends"]
