"""The directory a demo lives in: keys, database and mails, removed when the demo is stopped."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from idp.settings import SetupError

_MARKER = ".idp-demo"
_ONLY_OWNER = 0o700


@dataclass(frozen=True)
class DemoDirectory:
    """Where one demo keeps everything; the same directory continues the same demo."""

    path: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'idp.db'}"

    @property
    def mails(self) -> Path:
        return self.path / "mails"

    def secret(self, name: str, make: Callable[[], str]) -> str:
        """Return the secret kept under this name, made when there is none yet."""
        file = self.path / name
        if not file.exists():
            unfinished = self.path / f".{name}"
            unfinished.touch(mode=0o600)
            unfinished.write_text(make())
            unfinished.replace(file)
        return file.read_text()


@contextmanager
def demo_directory(wanted: Path | None) -> Iterator[DemoDirectory]:
    """Open a directory, a temporary one without `wanted`, and remove it after an orderly end.

    After an error only a directory that was made here is removed, so no demo is lost to a mistake.
    """
    path, is_new = _open(wanted)
    with _held(path):
        try:
            yield DemoDirectory(path)
        except BaseException:
            if is_new:
                shutil.rmtree(path)
            raise
        shutil.rmtree(path)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep a second demo out; the lock ends with the process, however that ends."""
    with (path / _MARKER).open("w") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(f"Another demo is running in {path}: name another --dir.") from error
        yield


def _open(wanted: Path | None) -> tuple[Path, bool]:
    """Return a directory that bears the marker, and whether it is new."""
    if wanted is None:
        path = Path(mkdtemp(prefix="idp-demo-"))
    else:
        path = wanted.resolve()
        _make(path)
    marker = path / _MARKER
    is_new = not marker.exists()
    if is_new and any(path.iterdir()):
        raise SetupError(f"{path} is not a demo directory: name an empty or a new one with --dir.")
    marker.touch()
    return path, is_new


def _make(path: Path) -> None:
    try:
        path.mkdir(_ONLY_OWNER, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"{path} cannot be a demo directory ({error.strerror}).") from error
