"""Codes that prove an address: issue, check, limits."""

from idp.verification.gate import Gate
from idp.verification.limits import LimitReached, Limits, TooManyAttempts, TooManySends
from idp.verification.problems import Problem
from idp.verification.proofs import Checked, CodeRequest, Proofs

__all__ = [
    "Checked",
    "CodeRequest",
    "Gate",
    "LimitReached",
    "Limits",
    "Problem",
    "Proofs",
    "TooManyAttempts",
    "TooManySends",
]
