from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.io import find_images


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_folder_gives_its_images_sorted_and_without_hidden_ones(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "b.nii.gz", "a.NRRD", "._b.nii.gz", ".hidden.nii", "notes.txt", "c.jpg")
    touch(folder / "deeper", "d.nii.gz")
    assert [path.name for path in find_images([folder])] == ["a.NRRD", "b.nii.gz"]


def test_order_of_the_arguments_is_kept_and_none_comes_twice(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "a.nii", "b.nii")
    assert find_images([folder / "b.nii", folder]) == [folder / "b.nii", folder / "a.nii"]


def test_folder_with_dicom_files_is_one_image(tmp_path: Path) -> None:
    folder = touch(tmp_path / "study", "preview.png")
    (folder / "IM0001").write_bytes(bytes(128) + b"DICM")
    assert find_images([str(folder)]) == [folder]


def test_what_holds_no_image_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "empty")
    touch(tmp_path / "text", "a.txt")
    for path, sentence in (
        (tmp_path / "absent", "does not exist"),
        (tmp_path / "empty", "holds no image"),
        (tmp_path / "text", "holds no image"),
        (tmp_path / "text" / "a.txt", "not of a supported format"),
    ):
        with pytest.raises(UserError, match=f"^`{path}` .*{sentence}"):
            find_images([path])
    with pytest.raises(UserError, match="no image was given"):
        find_images([])


def test_folder_with_dicom_files_and_other_images_is_refused(tmp_path: Path) -> None:
    folder = touch(tmp_path / "mixed", "1.dcm", "2.dcm", "b.NRRD", "a.nii.gz", "c.mha", "notes.txt", "._a.nii.gz")
    with pytest.raises(UserError, match=r"^`.*mixed` holds 2 DICOM and 3 other .* `a.nii.gz`; put them into two fol"):
        find_images([folder])
