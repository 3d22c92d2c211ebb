"""What is known from outside the server: who was promised a mail, and what mail servers took.

Both are kept in append-only files of JSON lines, so that they survive every kill.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

Record = TypeVar("Record")

TOLD = "250"
"""What a mail server says when it has taken a mail."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A promise somebody was given, or may have been given, or must not keep.

    `answered` says that the server told them so: a 303 to the page for the code, or a commit that
    returned. Without an answer the transaction may have been committed all the same.
    """

    recipient: str
    answered: bool = False
    rolled_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message a mail server took responsibility for, when its final dot had arrived."""

    message_id: str
    recipient: str
    at: float
    """Seconds since 1970."""
    told: str
    """The reply, or what happened to the connection instead of one."""


def append(file: Path, record: object) -> None:
    """Write one line; once this returns, no kill of this process can undo it."""
    with file.open("a") as opened:
        opened.write(json.dumps(record if isinstance(record, dict) else _values(record)) + "\n")


def read(file: Path, kind: type[Record]) -> list[Record]:
    return [kind(**line) for line in _lines(file)]


def _values(record: Any) -> dict[str, Any]:
    return asdict(record)


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        for line in file.read_text().splitlines():
            yield json.loads(line)
