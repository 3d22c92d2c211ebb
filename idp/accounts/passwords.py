"""Passwords: argon2id in a bounded thread pool, strength by zxcvbn."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import ParamSpec, TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from zxcvbn_rs_py import zxcvbn

from idp.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

MINIMUM_LENGTH = 8
"""NIST SP 800-63B-4 §3.1.1.2."""
MAXIMUM_LENGTH = 256
MINIMUM_SCORE = 3
"""zxcvbn: 3 is "safely unguessable"."""

_BCRYPT = BcryptHasher()
"""Reads what other systems wrote; nothing is written with it."""
_BCRYPT_LENGTH = 72  # bytes; bcrypt knows no more of a password
_PROCESSORS = os.cpu_count() or 1
_THREADS = ThreadPoolExecutor(_PROCESSORS, "argon2")


class TooManyPasswords(Exception):
    """More passwords wait for a processor than may."""


class Passwords:
    """Hashes and compares passwords with the cost the settings say.

    The default is that of the OWASP Password Storage Cheat Sheet. A flood of passwords is refused
    with TooManyPasswords rather than queued without end.
    """

    def __init__(self, settings: Settings) -> None:
        self._argon2id = Argon2Hasher(
            memory_cost=settings.argon2_memory_kib, time_cost=settings.argon2_passes, parallelism=1
        )
        self._most = _PROCESSORS + settings.password_queue
        self._at_work = 0

    async def hash(self, password: str) -> str:
        """Return the argon2id hash to store."""
        return await self._in_thread(self._argon2id.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is right; takes as long when there is no hash to compare with."""
        is_right, _ = await self.verify_and_update(password, password_hash)
        return is_right

    async def verify_and_update(
        self, password: str, password_hash: str | None
    ) -> tuple[bool, str | None]:
        """Tell the same, with a hash to store instead when the one there is of another cost."""
        return await self._in_thread(self._compare, password[:MAXIMUM_LENGTH], password_hash)

    def _compare(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        if password_hash is None:
            self._argon2id.verify(password, self._decoy)
            return False, None
        if not self._is_right(password, password_hash):
            return False, None
        is_foreign = _BCRYPT.identify(password_hash)
        if is_foreign or self._argon2id.check_needs_rehash(password_hash):
            return True, self._argon2id.hash(password)
        return True, None

    def _is_right(self, password: str, password_hash: str) -> bool:
        if _BCRYPT.identify(password_hash):
            return _BCRYPT.verify(password.encode()[:_BCRYPT_LENGTH], password_hash)
        return self._argon2id.verify(password, password_hash)

    @cached_property
    def _decoy(self) -> str:
        return self._argon2id.hash(os.urandom(16).hex())

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._at_work >= self._most:
            raise TooManyPasswords
        self._at_work += 1
        call = partial(work, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(_THREADS, call)
        finally:
            self._at_work -= 1


def is_weak(password: str, *personal: str) -> bool:
    """Tell whether a password is too short or easy to guess; `personal` words make it easier."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return True
    return int(zxcvbn(password, list(personal)).score) < MINIMUM_SCORE
