from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, read_image, read_label, write_image, write_label

LIKE = Image(np.zeros((3, 4, 3, 2), np.float32), np.diag([1.0, 2, 3, 1]), ".nii.gz", modality="MR")


@pytest.mark.parametrize(
    ("largest", "dtype"), [(0, "uint8"), (255, "uint8"), (256, "uint16"), (65535, "uint16"), (65536, "uint32")]
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_smallest_unsigned_type_is_written(tmp_path: Path, suffix: str, largest: int, dtype: str) -> None:
    write_label(tmp_path / f"a{suffix}", np.full((4, 3, 2), largest), LIKE)
    label = read_label(tmp_path / f"a{suffix}")
    assert label.data.dtype == dtype
    assert label.channels == 1
    assert (label.data == largest).all()


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (np.zeros((3, 4, 2), int), r"shape of its image, \(4, 3, 2\), got \(3, 4, 2\)"),
        (np.zeros((4, 3, 2)), "integer type, got float64"),
        (np.full((4, 3, 2), -1), "got -1 to -1"),
        (np.full((4, 3, 2), 2**32), "got 4294967296 to"),
    ],
)
def test_wrong_label_is_refused(tmp_path: Path, label: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        write_label(tmp_path / "a.nii.gz", label, LIKE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.jpg", "a.mhd", "a.dcm", "a"])
def test_format_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"must end in one of \.nii\.gz"):
        write_label(tmp_path / name, np.zeros((4, 3, 2), int), LIKE)


def test_header_of_the_file_does_not_outlive_a_new_affine(tmp_path: Path) -> None:
    write_image(tmp_path / "image.nii.gz", LIKE)
    resampled = replace(read_image(tmp_path / "image.nii.gz"), affine=np.diag([5.0, 5, 5, 1]))
    write_label(tmp_path / "label.nii.gz", np.zeros((4, 3, 2), int), resampled)
    np.testing.assert_array_equal(nib.load(tmp_path / "label.nii.gz").affine, resampled.affine)
