"""Passwords: argon2id in a bounded thread pool, strength by zxcvbn."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn_rs_py import zxcvbn

MINIMUM_LENGTH = 8
"""NIST SP 800-63B-4 §3.1.1.2."""
MAXIMUM_LENGTH = 256
MINIMUM_SCORE = 3
"""zxcvbn: 3 is "safely unguessable"."""

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_HASHER = PasswordHash((Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1),))
_THREADS = ThreadPoolExecutor(os.cpu_count() or 1, "argon2")


async def hash_password(password: str) -> str:
    """Return the argon2id hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Tell whether the password is right; takes as long when there is no hash to compare with."""
    loop = asyncio.get_running_loop()
    stored = (
        await loop.run_in_executor(_THREADS, _decoy) if password_hash is None else password_hash
    )
    compare = partial(_HASHER.verify, password[:MAXIMUM_LENGTH], stored)
    return await loop.run_in_executor(_THREADS, compare) and password_hash is not None


def is_weak(password: str, *personal: str) -> bool:
    """Tell whether a password is too short or easy to guess; `personal` words make it easier."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        return True
    return int(zxcvbn(password, list(personal)).score) < MINIMUM_SCORE


@cache
def _decoy() -> str:
    return _HASHER.hash(os.urandom(16).hex())
