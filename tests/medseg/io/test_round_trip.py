"""Geometry survives writing and reading, for oblique, anisotropic and mirrored images, in every volume format."""

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medseg.errors import UserError
from medseg.io import Image, read_image, read_label, require_same_geometry, write_image, write_label

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
# Positions of up to 500 mm in float32.
MM = 1e-4


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Rotation, axis permutation and mirroring, spacing, translation."""
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
    spacing = draw(st.tuples(*[st.floats(0.05, 10)] * 3))
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine[:3, :3] = turn[:, list(order)] * np.array(signs) * np.array(spacing)
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return affine


def volume(dtype: str = "int16") -> np.ndarray:
    """Shape (1, 4, 3, 2) with every voxel different, so that no axis can be swapped or mirrored unseen."""
    return np.arange(24).reshape(1, 4, 3, 2).astype(dtype)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@settings(max_examples=25, deadline=None)
@given(affine=affines())
def test_image_keeps_voxels_and_world_coordinates(suffix: str, affine: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffix}"
        write_image(path, Image(volume(), affine, suffix))
        image = read_image(path)
    np.testing.assert_array_equal(image.data, volume())
    assert image.data.dtype == np.int16
    np.testing.assert_allclose(image.affine, affine, atol=MM)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("source", [".nii", ".nrrd"])
@settings(max_examples=10, deadline=None)
@given(affine=affines())
def test_label_lies_where_its_image_lies(source: str, suffix: str, affine: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder) / f"image{source}", Image(volume("float32"), affine, source))
        image = read_image(Path(folder) / f"image{source}")
        label = (volume()[0] > 5).astype(np.int64)
        write_label(Path(folder) / f"label{suffix}", label, image)
        written = read_label(Path(folder) / f"label{suffix}")
    require_same_geometry(image, written)
    np.testing.assert_array_equal(written.data[0], label)
    assert written.data.dtype == np.uint8


@settings(max_examples=15, deadline=None)
@given(affine=affines())
def test_nifti_and_nrrd_of_one_image_read_the_same(affine: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = []
        for name in ("a.nii.gz", "a.nrrd"):
            write_image(Path(folder) / name, Image(volume(), affine, ".nii"))
            images.append(read_image(Path(folder) / name))
    np.testing.assert_array_equal(images[0].data, images[1].data)
    np.testing.assert_allclose(images[0].affine, images[1].affine, atol=MM)
    assert images[0].orientation == images[1].orientation


@settings(max_examples=15, deadline=None)
@given(affine=affines())
def test_qform_and_sform_of_a_new_nifti_agree(affine: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii"
        write_image(path, Image(volume(), affine, ".nrrd"))
        header = nib.load(path).header
    # Of a quaternion three of four numbers are stored, in float32: near half a turn, where the fourth is small, it
    # keeps few digits, and the edges of a voxel turn by as much.
    fourth = np.sqrt(max(1 - sum(float(header[f"quatern_{name}"]) ** 2 for name in "bcd"), 0))
    edge = np.linalg.norm(affine[:3, :3], axis=0).max()
    allowed = 1e-3 if fourth > 0.01 else max(1e-3, 3e-3 * edge)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=allowed)


def test_sheared_affine_survives_in_nifti_only(tmp_path: Path) -> None:
    affine = np.array([[1.0, 0, 0.4, 5], [0, 1, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1]])
    write_image(tmp_path / "a.nii.gz", Image(volume(), affine, ".dcm"))
    np.testing.assert_allclose(read_image(tmp_path / "a.nii.gz").affine, affine, atol=MM)
    for suffix in (".nrrd", ".mha"):
        with pytest.raises(UserError, match="not perpendicular"):
            write_image(tmp_path / f"a{suffix}", Image(volume(), affine, ".dcm"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_type_is_kept(tmp_path: Path, suffix: str, dtype: str) -> None:
    write_image(tmp_path / f"a{suffix}", Image(volume(dtype), np.eye(4), suffix))
    image = read_image(tmp_path / f"a{suffix}")
    assert image.data.dtype == dtype
    np.testing.assert_array_equal(image.data, volume(dtype))


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_channels_are_kept(tmp_path: Path, suffix: str, dtype: str) -> None:
    data = np.arange(5 * 24).reshape(5, 4, 3, 2).astype(dtype)
    write_image(tmp_path / f"a{suffix}", Image(data, np.diag([1.0, 2, 3, 1]), suffix))
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype == dtype
    assert image.spacing == (1, 2, 3)
