import gzip
from pathlib import Path

import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, read_image, read_label, require_same_geometry, write_image, write_label

VOXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4).T  # (X, Y, Z) = (4, 3, 2)


def write_nrrd(path: Path, *lines: str, voxels: bytes = VOXELS.T.tobytes(), encoding: str = "raw") -> Path:
    header = ["NRRD0004", *lines, f"encoding: {encoding}", "", ""]
    path.write_bytes("\n".join(header).encode() + voxels)
    return path


@pytest.mark.parametrize(
    ("space", "to_ras"),
    [
        ("right-anterior-superior", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("left-posterior-superior", (-1, -1, 1)),
    ],
)
def test_nrrd_of_any_anatomical_space_reads_as_ras(tmp_path: Path, space: str, to_ras: tuple[int, ...]) -> None:
    path = write_nrrd(
        tmp_path / "a.nrrd",
        *("type: uint8", "dimension: 3", f"space: {space}", "sizes: 4 3 2"),
        *("space directions: (0,2,0) (1,0,0) (0,0,3)", "space origin: (10,20,30)"),
    )
    image = read_image(path)
    by_hand = np.array([[0, 1, 0, 10], [2, 0, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
    np.testing.assert_allclose(image.affine, np.diag([*to_ras, 1]) @ by_hand, atol=1e-9)
    np.testing.assert_array_equal(image.data[0], VOXELS)


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint64"])
def test_types_itk_is_not_built_for_are_read_exactly(tmp_path: Path, dtype: str) -> None:
    lines = (f"type: {dtype}", "endian: little", "dimension: 3", "sizes: 4 3 2", "spacings: 1 1 1")
    voxels = VOXELS.astype(dtype)
    voxels[0, 0, 0] = np.iinfo(dtype).max if dtype == "int8" else 2**52 + 1
    image = read_image(write_nrrd(tmp_path / "a.nrrd", *lines, voxels=voxels.T.tobytes()))
    assert image.data.dtype == dtype
    np.testing.assert_array_equal(image.data[0], voxels)


def test_wide_integers_are_written_in_a_type_that_holds_them(tmp_path: Path) -> None:
    data = np.array([-3, 70000], np.int64).reshape(1, 2, 1, 1)
    write_image(tmp_path / "a.nrrd", Image(data, np.eye(4), ".nii"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.nrrd").data, data)
    with pytest.raises(UserError, match=r"/b\.nrrd` can hold .*, got int64"):
        write_image(tmp_path / "b.nrrd", Image(data * 2**40 + 1, np.eye(4), ".nii"))


def test_giant_claim_in_a_small_nrrd_is_refused(tmp_path: Path) -> None:
    lines = ("type: uint8", "dimension: 3", "sizes: 9000 9000 9000", "spacings: 1 1 1")
    path = write_nrrd(tmp_path / "a.nrrd", *lines, voxels=gzip.compress(bytes(24)), encoding="gzip")
    with pytest.raises(UserError, match="claims 729000000000 bytes"):
        read_image(path)


def test_nrrd_with_voxels_elsewhere_is_refused(tmp_path: Path) -> None:
    lines = ("type: uint8", "dimension: 3", "sizes: 4 3 2", "spacings: 1 1 1", "data file: other.raw")
    (tmp_path / "other.raw").write_bytes(bytes(24))
    with pytest.raises(UserError, match="another file"):
        read_image(write_nrrd(tmp_path / "a.nrrd", *lines))


def test_four_spatial_axes_are_refused(tmp_path: Path) -> None:
    lines = ("type: uint8", "dimension: 4", "sizes: 3 2 2 2", "spacings: 1 1 1 1")
    with pytest.raises(UserError, match="2 or 3 axes"):
        read_image(write_nrrd(tmp_path / "a.nrrd", *lines))


@pytest.mark.parametrize("name", ["brain1", "brain2", "breast1"])
def test_real_nrrd_label_lies_on_its_image_also_as_nifti(shared_data: Path, tmp_path: Path, name: str) -> None:
    image = read_image(shared_data / "brain_nrrd" / f"{name}_image.nrrd")
    label = read_label(shared_data / "brain_nrrd" / f"{name}_label.nrrd")
    require_same_geometry(image, label)
    assert image.orientation == (("L", "A", "S") if name.startswith("brain") else ("L", "P", "S"))
    write_label(tmp_path / "label.nii.gz", label.data[0], image)
    written = read_label(tmp_path / "label.nii.gz")
    np.testing.assert_array_equal(written.data, label.data)
    require_same_geometry(image, written)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_picture_keeps_pixels_and_spacing(tmp_path: Path, suffix: str, dtype: str, channels: int) -> None:
    data = np.arange(channels * 20).reshape(channels, 5, 4).astype(dtype)
    affine = np.diag([0.00065, 0.001, 1])
    write_image(tmp_path / f"a{suffix}", Image(data, affine, suffix))
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype == dtype
    np.testing.assert_allclose(image.affine, affine, rtol=1e-4)
    assert image.orientation == ()


def test_picture_of_several_pages_is_refused(tmp_path: Path) -> None:
    pil = pytest.importorskip("PIL.Image")
    page = pil.fromarray(np.zeros((4, 5), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(UserError, match="several pages"):
        read_image(tmp_path / "a.tif")


def test_picture_formats_refuse_what_they_cannot_hold(tmp_path: Path) -> None:
    flat = Image(np.zeros((1, 4, 3), np.uint8), np.eye(3), ".png")
    with pytest.raises(UserError, match=r"/a.png` can hold voxels of type uint8 or uint16, got uint32"):
        write_label(tmp_path / "a.png", np.full((4, 3), 70000), flat)
    with pytest.raises(UserError, match="only hold a 2D image"):
        write_image(tmp_path / "a.tif", Image(np.zeros((1, 4, 3, 2), np.uint8), np.eye(4), ".nii"))
    with pytest.raises(UserError, match="cannot hold a 2D image"):
        write_image(tmp_path / "a.nii.gz", flat)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_flat_image_keeps_origin_and_direction(tmp_path: Path, suffix: str) -> None:
    affine = np.array([[0, -2.0, 5], [0.5, 0, 6], [0, 0, 1]])
    write_image(tmp_path / f"a{suffix}", Image(np.arange(12, dtype=np.uint8).reshape(1, 4, 3), affine, suffix))
    image = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(image.affine, affine)
    np.testing.assert_array_equal(image.data.ravel(), np.arange(12))


def test_nuclei_read_as_four_channels_and_instances(shared_data: Path) -> None:
    name = next(path.name for path in sorted((shared_data / "dsb2018_nuclei" / "labels").iterdir()))
    image = read_image(shared_data / "dsb2018_nuclei" / "images" / name)
    label = read_label(shared_data / "dsb2018_nuclei" / "labels" / name)
    assert image.channels == 4
    assert label.data.dtype == np.uint16
    require_same_geometry(image, label)
