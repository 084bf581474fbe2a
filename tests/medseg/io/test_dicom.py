from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from medseg.errors import UserError
from medseg.io import find_images, label_suffix, read_image, read_label, require_same_geometry, sha256_of, write_label

pydicom = pytest.importorskip("pydicom")
CT = "1.2.840.10008.5.1.4.1.1.2"
SHAPE = (5, 4)  # columns, rows
SPACING = np.array([0.7, 0.9])  # between columns, between rows
OBLIQUE = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix()


def pixels(k: int) -> np.ndarray:
    """Slice k, (rows, columns) as DICOM has them, every voxel of the volume different."""
    return (np.arange(20).reshape(4, 5) + 20 * k).astype(np.int16)


def write_slice(
    path: Path,
    k: int,
    step: Sequence[float] = (0, 0, 2.5),
    turn: np.ndarray = OBLIQUE,
    series: str = "1.2.3",
    **tags: object,
) -> None:
    """Slice k of a series whose first voxel is at (10, 20, 30).

    ``step`` between slices is given in the turned frame; of further ``tags``, None leaves one out.
    """
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CT
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = f"1.2.3.4.{k + 1}"
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.PatientName, data.PatientID, data.SeriesDescription = "DOE^JANE", "SECRET7", "thorax of jane"
    data.SeriesInstanceUID, data.StudyInstanceUID, data.Modality = series, "1.2", "CT"
    position = np.array([10, 20, 30]) + turn @ (k * np.array(step))
    data.ImagePositionPatient = [f"{value:.10g}" for value in position]
    data.ImageOrientationPatient = [f"{value:.10g}" for value in (*turn[:, 0], *turn[:, 1])]
    data.PixelSpacing = [str(SPACING[1]), str(SPACING[0])]
    data.SliceThickness = "2"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 5, 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.PixelData = pixels(k).tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    path.parent.mkdir(exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def write_series(folder: Path, ks: Sequence[int], **options: object) -> Path:
    """Slices ``ks``, in files whose names run against their order in space."""
    for k in ks:
        write_slice(folder / f"image{99 - k}.dcm", k, **options)  # type: ignore[arg-type]
    return folder


def expected_affine(step: Sequence[float] = (0, 0, 2.5), turn: np.ndarray = OBLIQUE) -> np.ndarray:
    lps = np.eye(4)
    lps[:3, :3] = turn @ np.column_stack([[SPACING[0], 0, 0], [0, SPACING[1], 0], step])
    lps[:3, 3] = 10, 20, 30
    return np.diag([-1, -1, 1, 1]) @ lps


@pytest.mark.parametrize("turn", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize("step", [(0, 0, 2.5), (0, 0.5, 2.5)], ids=["straight", "tilted gantry"])
def test_series_is_put_in_order_by_position(tmp_path: Path, turn: np.ndarray, step: tuple[float, ...]) -> None:
    image = read_image(write_series(tmp_path / "ct", range(4), turn=turn, step=step))
    np.testing.assert_allclose(image.affine, expected_affine(step, turn), atol=1e-6)
    np.testing.assert_array_equal(image.data[0], np.stack([pixels(k).T for k in range(4)], axis=2))
    assert image.modality == "CT"
    assert np.issubdtype(image.data.dtype, np.integer)


def test_label_of_an_oblique_series_lies_on_it(tmp_path: Path) -> None:
    image = read_image(write_series(tmp_path / "ct", range(4)))
    path = tmp_path / f"label{label_suffix(image)}"
    assert path.name == "label.nii.gz"
    write_label(path, image.data[0] % 3, image)
    written = read_label(path)
    require_same_geometry(image, written)
    np.testing.assert_array_equal(written.data[0], image.data[0] % 3)


def test_rescaled_values_are_float32_and_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    for k, slope in enumerate(("0.5", "0.25")):
        write_slice(tmp_path / "pet" / f"{k}.dcm", k, RescaleSlope=slope, RescaleIntercept="-1")
    image = read_image(tmp_path / "pet")
    assert image.data.dtype == np.float32
    np.testing.assert_allclose(image.data[0, ..., 0], pixels(0).T * 0.5 - 1)
    np.testing.assert_allclose(image.data[0, ..., 1], pixels(1).T * 0.25 - 1)


@pytest.mark.parametrize(("thickness", "depth"), [("2", 2), ("0", 1), (None, 1)])
def test_single_slice_is_as_thick_as_it_says(tmp_path: Path, thickness: str | None, depth: float) -> None:
    write_slice(tmp_path / "a.dcm", 0, SliceThickness=thickness)
    for path in (tmp_path, tmp_path / "a.dcm"):
        image = read_image(path)
        assert image.spatial_shape == (5, 4, 1)
        np.testing.assert_allclose(image.affine, expected_affine((0, 0, depth)), atol=1e-6)


def test_files_that_are_no_images_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, range(3))
    for name, storage_class in (("seg", "1.2.840.10008.5.1.4.1.1.66.4"), ("rt", "1.2.840.10008.5.1.4.1.1.481.3")):
        write_slice(tmp_path / f"{name}.dcm", 0, series="9.9")
        file = pydicom.dcmread(tmp_path / f"{name}.dcm")
        file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = storage_class
        file.save_as(tmp_path / f"{name}.dcm")
    (tmp_path / "notes.txt").write_text("not DICOM")
    assert read_image(tmp_path).spatial_shape == (5, 4, 3)


def one_missing(folder: Path) -> None:
    write_series(folder, (0, 1, 3))


def two_series(folder: Path) -> None:
    write_series(folder, range(3))
    write_slice(folder / "other.dcm", 4, series="1.2.9")


def one_place_twice(folder: Path) -> None:
    write_series(folder, range(3))
    write_slice(folder / "again.dcm", 1)


def cut_short(folder: Path) -> None:
    write_series(folder, range(3))
    (folder / "image98.dcm").write_bytes((folder / "image98.dcm").read_bytes()[:-10])


def two_orientations(folder: Path) -> None:
    write_series(folder, range(3))
    write_slice(folder / "scout.dcm", 4, turn=np.eye(3))


def off_the_line(folder: Path) -> None:
    write_series(folder, range(3))
    write_slice(folder / "a.dcm", 3, step=(1, 0, 2.5))


def no_position(folder: Path) -> None:
    write_series(folder, range(3), ImagePositionPatient=None)


def several_frames(folder: Path) -> None:
    write_slice(folder / "a.dcm", 0, NumberOfFrames="2", PixelData=pixels(0).tobytes() * 2)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (one_missing, r"5\.00 mm lie between slices 2 and 3 of 3 where 2\.50 mm were expected"),
        (two_series, r"must hold one DICOM series, got 2 \(of 3 and 1 slices\); give each a folder of its own"),
        (one_place_twice, "several slices at one position"),
        (cut_short, "damaged, cut short"),
        (two_orientations, "one orientation"),
        (off_the_line, "straight line"),
        (no_position, "without a valid position"),
        (several_frames, "several frames"),
        (lambda folder: folder.mkdir(), "got none"),
    ],
)
def test_bad_series_is_one_sentence_without_the_patient(
    tmp_path: Path, write: Callable[[Path], None], sentence: str
) -> None:
    write(tmp_path / "study")
    with pytest.raises(UserError, match=sentence) as error:
        read_image(tmp_path / "study")
    message = str(error.value)
    assert str(tmp_path / "study") in message
    assert "\n" not in message
    for secret in ("DOE", "JANE", "jane", "SECRET", "1.2.3", "1.2.9", ".dcm"):
        assert secret not in message.replace(str(tmp_path), "")


def test_modality_that_could_be_a_name_is_dropped(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Modality|VR CS"):
        write_slice(tmp_path / "a.dcm", 0, Modality="jane doe")
    assert read_image(tmp_path).modality is None


def test_folder_is_found_as_one_image_whose_digest_ignores_names(tmp_path: Path) -> None:
    first, second = write_series(tmp_path / "a", range(3)), tmp_path / "b"
    second.mkdir()
    for number, file in enumerate(sorted(first.iterdir())):
        # Without a suffix, as scanners and archives write them.
        (second / f"renamed{number}").write_bytes(file.read_bytes())
    assert find_images([first, second]) == [first, second]
    assert sha256_of(first) == sha256_of(second)
    write_slice(first / "image99.dcm", 0, SliceThickness="3")
    assert sha256_of(first) != sha256_of(second)


def test_real_series_without_slice_location(shared_data: Path) -> None:
    image = read_image(shared_data / "dicom_samples" / "rt-utils" / "oriented_data")
    assert image.spatial_shape == (100, 50, 3)
    # The corner of the third slice, by hand from its header (LPS).
    np.testing.assert_allclose(image.affine @ [0, 0, 2, 1], [-122.0159697, 428.1596334, 38.0798058, 1], atol=1e-6)
    np.testing.assert_allclose(image.spacing[:2], (2.5, 3.5))


def test_real_series_among_structure_sets(shared_data: Path) -> None:
    image = read_image(shared_data / "dicom_samples" / "rt-utils" / "mock_data")
    reference = pydicom.dcmread(shared_data / "dicom_samples" / "rt-utils" / "mock_data" / "ct_1.dcm")
    assert image.spacing == pytest.approx((0.488281, 0.488281, 5))
    np.testing.assert_array_equal(image.data[0, ..., 0].T, reference.pixel_array + reference.RescaleIntercept)
    with pytest.raises(UserError, match="got none"):
        read_image(shared_data / "dicom_samples" / "rt-utils" / "empty")
