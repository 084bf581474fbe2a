import zlib
from pathlib import Path

import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, read_image, write_image

NOISE = np.random.default_rng(0).integers(0, 999, (1, 32, 32, 8)).astype(np.int16)


def write_mhd(folder: Path, data_file: str, voxels: bytes, compressed: bool = False) -> Path:
    (folder / "a.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = {compressed}\nElementSpacing = 1 2 3\n"
        f"DimSize = 4 3 2\nElementType = MET_UCHAR\nElementDataFile = {data_file}\n"
    )
    (folder / "a.raw").write_bytes(voxels)
    return folder / "a.mhd"


@pytest.mark.parametrize("compressed", [True, False])
def test_voxels_beside_the_header_are_read(tmp_path: Path, compressed: bool) -> None:
    voxels = bytes(range(24))
    path = write_mhd(tmp_path, "a.raw", zlib.compress(voxels) if compressed else voxels, compressed)
    image = read_image(path)
    np.testing.assert_array_equal(image.data[0].T.ravel(), np.arange(24))
    assert image.spacing == (1, 2, 3)


def test_absent_or_short_voxels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="damaged or cut short"):
        read_image(write_mhd(tmp_path, "a.raw", bytes(20)))
    with pytest.raises(UserError, match="damaged or cut short"):
        read_image(write_mhd(tmp_path, "a.raw", zlib.compress(bytes(20)), compressed=True))
    with pytest.raises(UserError, match="not beside it"):
        read_image(write_mhd(tmp_path, "b.raw", bytes(24)))


@pytest.mark.parametrize("name", ["../a.raw", "/etc/hostname", "LIST", "a%d.raw 1 2 1", ""])
def test_voxels_in_other_places_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"ElementDataFile|not a Meta image"):
        read_image(write_mhd(tmp_path, name, bytes(24)))


def test_voxels_stored_as_text_are_refused(tmp_path: Path) -> None:
    path = write_mhd(tmp_path, "a.raw", b"1 " * 24)
    path.write_text(path.read_text().replace("BinaryData = True", "BinaryData = False"))
    with pytest.raises(UserError, match="binary form"):
        read_image(path)


def test_damaged_compressed_voxels_are_refused_where_itk_would_return_rubbish(tmp_path: Path) -> None:
    write_image(tmp_path / "a.mha", Image(NOISE, np.eye(4), ".mha"))
    stored = bytearray((tmp_path / "a.mha").read_bytes())
    stored[len(stored) // 2] ^= 0xFF
    (tmp_path / "a.mha").write_bytes(stored)
    with pytest.raises(UserError, match="damaged or cut short"):
        read_image(tmp_path / "a.mha")


@pytest.mark.parametrize("shape", [b"64 32 8", b"9000 9000 9000"])
def test_header_that_claims_more_than_was_compressed_is_refused(tmp_path: Path, shape: bytes) -> None:
    write_image(tmp_path / "a.mha", Image(NOISE, np.eye(4), ".mha"))
    stored = (tmp_path / "a.mha").read_bytes().replace(b"DimSize = 32 32 8", b"DimSize = " + shape)
    (tmp_path / "a.mha").write_bytes(stored)
    with pytest.raises(UserError, match="damaged or cut short"):
        read_image(tmp_path / "a.mha")
