from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.io.atomic_folder import atomic_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "former").touch()
    return tmp_path / "target"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_the_new_folder_takes_the_place_of_the_former(folder: Path) -> None:
    with atomic_folder(folder) as partial:
        (partial / "new").touch()
        assert names(folder) == {"former"}
    assert names(folder.parent) == {"target", "target/new"}


def test_folders_above_are_made(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "a" / "b"):
        pass
    assert names(tmp_path) == {"a", "a/b"}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, ValueError])
def test_an_error_leaves_what_was_there(folder: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with atomic_folder(folder) as partial:
            (partial / "new").touch()
            raise error

    with pytest.raises((error, UserError)):
        write()
    assert names(folder.parent) == {"target", "target/former"}


def test_a_file_above_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match="target` could not be written: Not a directory"),
        atomic_folder(tmp_path / "file" / "target"),
    ):
        pass
