import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, read_image, write_image

NOISE = np.random.default_rng(0).integers(0, 255, (1, 16, 12, 8)).astype(np.uint8)


def refusal(path: Path) -> str:
    """The sentence that ``path`` is refused with."""
    with pytest.raises(UserError) as error:
        read_image(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".png", ".tif", ".dcm"])
@pytest.mark.parametrize("content", [b"", b"this is a letter, not an image\n" * 50, bytes(5000)])
def test_file_that_is_no_image(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"letter{suffix}").write_bytes(content)
    refusal(tmp_path / f"letter{suffix}")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".tif"])
@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_file_that_was_cut(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a{suffix}"
    flat = suffix in (".png", ".tif")
    write_image(path, Image(NOISE[..., 0], np.eye(3), suffix) if flat else Image(NOISE, np.eye(4), suffix))
    stored = path.read_bytes()
    path.write_bytes(stored[: int(len(stored) * kept)])
    refusal(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_not_finite_are_counted(tmp_path: Path, suffix: str, value: float) -> None:
    data = np.zeros((1, 4, 3, 2), np.float32)
    data[0, 1, 1] = value
    write_image(tmp_path / f"a{suffix}", Image(data, np.eye(4), suffix))
    assert "2 of 24 are NaN or infinite" in refusal(tmp_path / f"a{suffix}")


def test_spacing_of_zero(tmp_path: Path) -> None:
    file = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), None)
    file.header.set_sform(np.diag([1, 0, 2, 1]), 1)
    nib.save(file, tmp_path / "a.nii")
    assert "positive, finite spacing along every axis, got (1, 0, 2) mm" in refusal(tmp_path / "a.nii")


def test_affine_without_inverse(tmp_path: Path) -> None:
    affine = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    file = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), None)
    file.header.set_sform(affine, 1)
    nib.save(file, tmp_path / "a.nii")
    assert "can be inverted" in refusal(tmp_path / "a.nii")


def test_image_without_voxels(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((0, 2, 2), np.uint8), np.eye(4)), tmp_path / "a.nii")
    assert "no voxels" in refusal(tmp_path / "a.nii")


def test_absent_unsupported_and_empty(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "absent.nii.gz")
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert ".nrrd" in refusal(tmp_path / "a.jpg")
    (tmp_path / "empty").mkdir()
    assert "must hold the images of one DICOM series" in refusal(tmp_path / "empty")


def test_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    write_image(tmp_path / "A.NII.GZ", Image(NOISE, np.eye(4), ".nii.gz"))
    image = read_image(tmp_path / "A.NII.GZ")
    np.testing.assert_array_equal(image.data, NOISE)
    assert image.suffix == ".nii.gz"


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, medseg.io; print(sorted({'itk', 'nibabel', 'torch', 'monai', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
