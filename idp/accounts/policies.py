"""The parts of the sign-in experience that guard it: codes, guessing, addresses."""

import re
from itertools import takewhile
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from idp.settings import ADDRESS_PATTERN

_FIRST_WAIT = 60  # seconds


class Section(BaseModel):
    """Part of the sign-in experience; named in camelCase outside, and strict."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True
    )


def _is_pattern(pattern: str) -> str:
    if not re.fullmatch(ADDRESS_PATTERN, pattern):
        raise ValueError("must be like name@example.com, @example.com or *")
    return pattern


def _is_off(switch: bool) -> bool:
    if switch:
        raise ValueError("must be false: no list of them is bundled, use a plugin that has one")
    return switch


class VerificationCodePolicy(Section):
    """How long a mailed code works, and how often somebody may type a wrong one."""

    expiration_duration: int = Field(default=600, ge=60, le=3600)
    """Seconds, for codes sent from now on."""
    max_retry_attempts: int = Field(default=5, ge=1, le=100)
    """Codes compared in one flow, however many were sent."""


class SentinelPolicy(Section):
    """What meets who guesses codes or passwords of one address."""

    max_attempts: int = Field(default=20, ge=1, le=100)
    """Wrong ones in a day; each further one has to wait, ever longer."""
    lockout_duration: int = Field(default=15, ge=1, le=1440)
    """Minutes of the longest wait. Nobody is ever locked out for good."""

    @property
    def waits(self) -> tuple[int, ...]:
        """Return the waits in seconds, each twice the one before; the last repeats."""
        longest = self.lockout_duration * 60
        doubled = (_FIRST_WAIT * 2**number for number in range(12))
        return (*takewhile(lambda wait: wait < longest, doubled), longest)


class EmailBlocklistPolicy(Section):
    """Which addresses get no account; those that have one keep it."""

    block_disposable_addresses: Annotated[bool, AfterValidator(_is_off)] = False
    """A plugin refuses them (`idp_refuse_address`)."""
    block_subaddressing: bool = False
    custom_blocklist: tuple[
        Annotated[str, StringConstraints(max_length=320), AfterValidator(_is_pattern)], ...
    ] = Field(default=(), max_length=1000)
    """`a@b.c`, `@b.c`, `*` for anything."""
