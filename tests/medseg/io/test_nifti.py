import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medseg.errors import UserError
from medseg.io import read_image, read_label, write_label


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine, dtype=voxels.dtype), path)
    return path


def test_scale_slope_gives_float32(tmp_path: Path) -> None:
    file = nib.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    file.header.set_slope_inter(0.5, -1)
    nib.save(file, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert image.data.dtype == np.float32
    np.testing.assert_allclose(image.data.ravel(), np.arange(8) * 0.5 - 1)


def test_big_endian_file_reads_as_native(tmp_path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    voxels = np.arange(8, dtype=">i2").reshape(2, 2, 2)
    nib.save(nib.Nifti1Image(voxels, np.eye(4), header), tmp_path / "a.nii")
    image = read_image(tmp_path / "a.nii")
    assert image.data.dtype.isnative
    np.testing.assert_array_equal(image.data[0], voxels)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ((3, 4, 5, 1), (1, 3, 4, 5)),
        ((3, 4, 5, 2), (2, 3, 4, 5)),
        ((3, 4, 5, 1, 2), (2, 3, 4, 5)),
        ((3, 4), (1, 3, 4, 1)),
    ],
)
def test_axes_beyond_three_become_channels(tmp_path: Path, stored: tuple[int, ...], read: tuple[int, ...]) -> None:
    voxels = np.arange(np.prod(stored)).reshape(stored).astype(np.int16)
    image = read_image(save(tmp_path / "a.nii", voxels))
    assert image.data.shape == read
    np.testing.assert_array_equal(image.data[-1], voxels.reshape(*read[1:], read[0])[..., -1])


def test_unit_of_the_header_is_respected(tmp_path: Path) -> None:
    file = nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.diag([250.0, 250, 500, 1]))
    file.header.set_xyzt_units("micron")
    nib.save(file, tmp_path / "a.nii")
    image = read_image(tmp_path / "a.nii")
    np.testing.assert_allclose(image.spacing, (0.25, 0.25, 0.5))
    write_label(tmp_path / "b.nii", np.ones((2, 2, 2), bool), image)
    np.testing.assert_array_equal(nib.load(tmp_path / "b.nii").affine, file.affine)


@pytest.mark.parametrize(("qform_code", "sform_code"), [(1, 0), (0, 2), (1, 1), (2, 4), (0, 0)])
def test_label_has_the_very_geometry_bits_of_its_image(tmp_path: Path, qform_code: int, sform_code: int) -> None:
    file = nib.Nifti1Image(np.zeros((3, 4, 5), np.float32), None)
    turned = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([1.1, 0.9, 3.3]), [7, -8, 9])
    file.header.set_zooms((1.1, 0.9, 3.3))
    file.header.set_qform(turned, qform_code)
    file.header.set_sform(turned + 1e-4, sform_code)
    file.header["descrip"] = b"DOE^JANE"
    nib.save(file, tmp_path / "image.nii.gz")
    image = read_image(tmp_path / "image.nii.gz")
    write_label(tmp_path / "label.nii.gz", np.ones((3, 4, 5), np.int64), image)
    before, after = nib.load(tmp_path / "image.nii.gz").header, nib.load(tmp_path / "label.nii.gz").header
    for field in ("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"):
        np.testing.assert_array_equal(after[field], before[field])
    for field in ("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):
        np.testing.assert_array_equal(after[field], before[field])
    assert after.get_slope_inter() in ((None, None), (1, 0))
    assert b"DOE" not in gzip.decompress((tmp_path / "label.nii.gz").read_bytes())
    np.testing.assert_array_equal(read_label(tmp_path / "label.nii.gz").affine, image.affine)


def test_second_version_stays_second_version(tmp_path: Path) -> None:
    affine = np.diag([1 / 3, 1, 1, 1])
    nib.save(nib.Nifti2Image(np.zeros((2, 3, 4), np.int16), affine), tmp_path / "a.nii")
    write_label(tmp_path / "b.nii", np.zeros((2, 3, 4), np.uint8), read_image(tmp_path / "a.nii"))
    assert isinstance(nib.load(tmp_path / "b.nii"), nib.Nifti2Image)
    np.testing.assert_array_equal(nib.load(tmp_path / "b.nii").affine, affine)


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    image = read_image(save(tmp_path / "a.nii.gz", np.zeros((2, 3, 4), np.int16)))
    for name in ("b.nii.gz", "c.nii.gz"):
        write_label(tmp_path / name, np.ones((2, 3, 4), np.uint8), image)
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()


@pytest.mark.parametrize("compressed", [True, False])
def test_header_that_claims_a_giant_shape_is_refused(tmp_path: Path, compressed: bool) -> None:
    save(tmp_path / "a.nii", np.zeros((2, 2, 2), np.float64))
    stored = bytearray((tmp_path / "a.nii").read_bytes())
    stored[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    path = tmp_path / ("b.nii.gz" if compressed else "b.nii")
    path.write_bytes(gzip.compress(stored) if compressed else stored)
    with pytest.raises(UserError, match="claims 216000000000000 bytes"):
        read_image(path)


def test_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    save(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 8, 8)).astype(np.int16))
    stored = bytearray((tmp_path / "a.nii.gz").read_bytes())
    stored[-8] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(stored)
    with pytest.raises(UserError, match="damaged"):
        read_image(tmp_path / "a.nii.gz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 351), value=st.binary(min_size=1, max_size=4))
def test_any_damage_to_the_header_reads_or_is_one_sentence(tmp_path: Path, at: int, value: bytes) -> None:
    path = save(tmp_path / "a.nii", np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    stored = bytearray(path.read_bytes())
    stored[at : at + len(value)] = value
    path.write_bytes(stored)
    refusal = ""
    try:
        read_image(path)
    except UserError as error:
        refusal = str(error)
    assert not refusal or f"`{path}`" in refusal
    assert "\n" not in refusal


def test_complex_voxels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="real numbers, got voxels of type complex64"):
        read_image(save(tmp_path / "a.nii", np.zeros((2, 2, 2), np.complex64)))


def test_decathlon_case_reads_as_nibabel_reads_it(hippocampus_data: Path) -> None:
    path = hippocampus_data / "imagesTr" / "hippocampus_004.nii.gz"
    image, reference = read_image(path), nib.load(path)
    np.testing.assert_array_equal(image.data[0], np.asarray(reference.dataobj))
    np.testing.assert_array_equal(image.affine, reference.affine)
    assert image.orientation == ("R", "A", "S")


def test_ct_and_mr_of_different_orientations_keep_theirs(shared_data: Path, tmp_path: Path) -> None:
    for name, orientation in (("example_ct_sm", ("R", "A", "S")), ("example_mr_sm", ("L", "P", "S"))):
        image = read_image(shared_data / "totalsegmentator_ct_mr" / f"{name}.nii.gz")
        assert image.orientation == orientation
        label = (image.data[0] > 0).astype(np.uint8)
        write_label(tmp_path / "label.nrrd", label, image)
        written = read_label(tmp_path / "label.nrrd")
        assert written.orientation == orientation
        np.testing.assert_allclose(written.affine, image.affine, atol=1e-6)
