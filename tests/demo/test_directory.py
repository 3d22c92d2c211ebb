"""A demo's directory is continued, and removed only when that is what was wanted."""

from pathlib import Path

import pytest

from idp.demo.directory import demo_directory
from idp.settings import SetupError


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A directory as a demo that was killed leaves it."""
    (tmp_path / ".idp-demo").touch()
    (tmp_path / "key").write_text("first")
    return tmp_path


def test_an_orderly_end_removes_the_directory(tmp_path: Path) -> None:
    wanted = tmp_path / "new" / "demo"
    for directory in (None, wanted):
        with demo_directory(directory) as opened:
            opened.secret("key", lambda: "value")
        assert not opened.path.exists()
    assert wanted.parent.is_dir()


def test_a_directory_left_by_a_crash_is_continued(crashed: Path) -> None:
    with demo_directory(crashed) as opened:
        assert opened.secret("key", lambda: "second") == "first"
    assert not crashed.exists()


def test_an_error_removes_a_new_directory(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), demo_directory(tmp_path / "demo"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_a_directory_that_is_continued(crashed: Path) -> None:
    with pytest.raises(RuntimeError), demo_directory(crashed):
        raise RuntimeError
    assert (crashed / "key").read_text() == "first"


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    with pytest.raises(SetupError, match="is not a demo directory"), demo_directory(tmp_path):
        pass
    assert thesis.read_text() == "years of work"


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SetupError, match="File exists"), demo_directory(file):
        pass


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    with demo_directory(tmp_path / "demo") as opened:
        opened.secret("key", lambda: "value")
        assert (opened.path / "key").stat().st_mode & 0o077 == 0
        assert opened.path.stat().st_mode & 0o077 == 0
