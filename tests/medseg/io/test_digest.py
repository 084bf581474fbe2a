import hashlib
from pathlib import Path

import pytest

from medseg.errors import UserError
from medseg.io import sha256_of


def test_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(b"voxels")
    assert sha256_of(tmp_path / "a.nii") == hashlib.sha256(b"voxels").hexdigest()


def test_voxels_beside_a_header_count(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text("ElementDataFile = a.raw\n")
    (tmp_path / "a.raw").write_bytes(b"1")
    before = sha256_of(tmp_path / "a.mhd")
    (tmp_path / "a.raw").write_bytes(b"2")
    assert sha256_of(tmp_path / "a.mhd") != before


def test_folder_without_dicom_files_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no DICOM files"):
        sha256_of(tmp_path)


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.nii` could not be read: No such file"):
        sha256_of(tmp_path / "a.nii")
