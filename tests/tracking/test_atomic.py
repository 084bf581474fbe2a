import os
from pathlib import Path

import pytest

from tracking.atomic import atomic_path
from tracking.errors import TrackingError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_file_appears_whole_at_the_end(tmp_path):
    target = tmp_path / "tracks.csv"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".csv"
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["tracks.csv"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "tracks.csv"
    target.write_text("old")

    def write() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError):
        write()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["tracks.csv"]


def test_a_folder_replaces_a_folder_and_leaves_nothing_of_it(tmp_path):
    target = tmp_path / "tracks.geff"
    target.mkdir()
    (target / "old").write_text("old")
    with atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("new")
    assert names(target) == ["new"]
    assert names(tmp_path) == ["tracks.geff"]


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    target = tmp_path / "tracks.geff"
    target.mkdir()
    (target / "old").write_text("old")
    replace, calls = os.replace, []

    def failing(source, destination):
        calls.append(destination)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        replace(source, destination)

    monkeypatch.setattr(os, "replace", failing)

    def write() -> None:
        with atomic_path(target) as temporary:
            temporary.mkdir()

    with pytest.raises(TrackingError, match=r"tracks\.geff` could not be written: No space left"):
        write()
    assert names(target) == ["old"]
    assert names(tmp_path) == ["tracks.geff"]


def test_an_absent_folder_is_one_sentence(tmp_path):
    target = tmp_path / "absent" / "tracks.csv"
    with pytest.raises(TrackingError, match="could not be written: No such file"), atomic_path(target) as temporary:
        temporary.write_text("new")


def test_a_file_does_not_replace_a_folder(tmp_path):
    target = tmp_path / "tracks.csv"
    target.mkdir()
    with pytest.raises(TrackingError, match="could not be written"), atomic_path(target) as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["tracks.csv"]
    assert target.is_dir()
