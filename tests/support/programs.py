"""Programs that are no Python packages: where they are, and what it means when one is missing."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Where Debian keeps servers; an ordinary user's PATH does not name it.
_SERVERS = "/usr/local/sbin:/usr/sbin:/sbin"


def find(name: str) -> str | None:
    """Return the path of a program, of a server too."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_SERVERS}")


def need(program: str | None, name: str, reason: str) -> str:
    """Return the path of a program; without it, skip on a laptop and fail in CI."""
    if program and Path(program).exists():
        return program
    return missing(f"{name} is not installed", reason)


def missing(problem: str, reason: str) -> NoReturn:
    """Skip on a laptop and fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{problem}, and CI must not skip {reason}")
    raise pytest.skip.Exception(f"{problem}: {reason}")
