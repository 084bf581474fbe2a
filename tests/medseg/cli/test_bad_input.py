"""Whatever is wrong with an input: one sentence that names it, exit code 2, no file, and a run that FAILED."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from medseg.io import Image, write_image

SURNAME = "Meier-Lehmann"


def write_slice(path: Path, series: str, position: float) -> None:
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MRImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.StudyInstanceUID = generate_uid()
    data.SeriesInstanceUID, data.Modality, data.PatientName = series, "MR", SURNAME
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, position], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [1, 1], 1
    data.Rows, data.Columns, data.SamplesPerPixel = 40, 36, 1
    data.PhotometricInterpretation, data.BitsAllocated, data.BitsStored, data.HighBit = "MONOCHROME2", 16, 16, 15
    data.PixelRepresentation = 0
    data.PixelData = np.random.default_rng(0).integers(0, 200, (40, 36), dtype=np.uint16).tobytes()
    path.parent.mkdir(exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def mixed_series(folder: Path, crop: Image) -> Path:
    for number in range(8):
        write_slice(folder / "mixed" / f"{number}.dcm", f"1.2.3.{number % 2}", number)
    return folder / "mixed"


def missing_slice(folder: Path, crop: Image) -> Path:
    for number in (0, 1, 2, 5, 6, 7):
        write_slice(folder / "gap" / f"{number}.dcm", "1.2.3.4", number)
    return folder / "gap"


def no_image(folder: Path, crop: Image) -> Path:
    (folder / "text.nrrd").write_text("this is not an image")
    return folder / "text.nrrd"


def cut(folder: Path, crop: Image) -> Path:
    write_image(folder / "cut.nii.gz", crop)
    (folder / "cut.nii.gz").write_bytes((folder / "cut.nii.gz").read_bytes()[:3000])
    return folder / "cut.nii.gz"


def four_dimensions(folder: Path, crop: Image) -> Path:
    write_image(folder / "four.nii.gz", replace(crop, data=np.repeat(crop.data, 2, axis=0)))
    return folder / "four.nii.gz"


def not_a_number(folder: Path, crop: Image) -> Path:
    import nibabel

    voxels = crop.data[0].astype(np.float32)
    voxels[0, 0, 0] = np.nan
    nibabel.save(nibabel.Nifti1Image(voxels, crop.affine), folder / "nan.nii.gz")
    return folder / "nan.nii.gz"


def zero_spacing(folder: Path, crop: Image) -> Path:
    import nibabel

    path = folder / "flat.nii"
    image = nibabel.Nifti1Image(crop.data[0].astype(np.float32), None)
    image.header.set_qform(None, code=0)
    image.header.set_sform(None, code=0)
    nibabel.save(image, path)
    content = bytearray(path.read_bytes())
    content[84:88] = struct.pack("<f", 0.0)  # pixdim[2], the spacing along the second axis
    path.write_bytes(content)
    return path


def too_large(folder: Path, crop: Image) -> Path:
    write_image(folder / "metres.nii.gz", replace(crop, affine=np.diag([100.0, 100.0, 100.0, 1.0]), header=None))
    return folder / "metres.nii.gz"


def photograph(folder: Path, crop: Image) -> Path:
    write_image(folder / "photo.png", Image(np.zeros((3, 40, 50), np.uint8), np.eye(3), ".png"))
    return folder / "photo.png"


@pytest.mark.parametrize(
    "make",
    [
        mixed_series,
        missing_slice,
        no_image,
        cut,
        four_dimensions,
        not_a_number,
        zero_spacing,
        too_large,
        photograph,
    ],
)
def test_a_bad_image(medseg, logged, hippocampus_crop, tmp_path, make: Callable[[Path, Image], Path]):
    path = make(tmp_path, hippocampus_crop)

    result = medseg("segment", path, "--bundle", "hippocampus_unet", "-o", tmp_path / "out")

    assert result.code == 2
    (sentence,) = [line for line in result.err.splitlines() if line.startswith("medseg: ")]
    assert str(path) in sentence
    assert SURNAME not in result.err + result.out
    assert [item.name for item in (tmp_path / "out").iterdir()] == ["run.json"]
    assert [run.info.status for run in logged()] == ["FAILED"]


def test_a_name_that_is_no_text_is_an_image_like_others(medseg, crop_file, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9.nii.gz")
    os.rename(crop_file, folder / name)
    segmented = medseg("segment", folder, "--bundle", "hippocampus_unet", "-o", tmp_path / "out", "--no-log")
    assert segmented.code == 0
    assert (tmp_path / "out" / os.fsdecode(b"caf\xe9_seg.nii.gz")).is_file()


def test_a_label_never_replaces_an_input(medseg, crop_file, tmp_path):
    reference = crop_file.with_name("crop_seg.nii.gz")
    reference.write_bytes(crop_file.read_bytes())
    before = reference.read_bytes()
    medseg(
        "segment", crop_file, reference, "-b", "hippocampus_unet", "-o", tmp_path, "--overwrite", "--no-log", "--json"
    )
    assert reference.read_bytes() == before


def test_a_constant_image_warns(medseg, hippocampus_crop, tmp_path):
    write_image(tmp_path / "flat.nii.gz", replace(hippocampus_crop, data=np.zeros_like(hippocampus_crop.data)))
    result = medseg("segment", tmp_path / "flat.nii.gz", "-b", "hippocampus_unet", "-o", tmp_path / "out", "--no-log")
    assert "one value" in result.err


def test_a_disk_that_fills_during_training(made_up_cases, small_training, tmp_path):
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from medseg.cli.app import main; main()"
    )
    out = tmp_path / "out"
    command = ["train", "hippocampus_unet", "--data", str(made_up_cases), "-o", str(out), *small_training, "--no-log"]
    done = subprocess.run([sys.executable, "-B", "-c", script, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert str(out) in done.stderr
    # The checkpoint is larger than the limit: it is not there, and neither is a part of it.
    assert [path.name for path in (out / "train").iterdir()] in (
        ["log.txt", "settings.json"],
        ["settings.json", "log.txt"],
    )
