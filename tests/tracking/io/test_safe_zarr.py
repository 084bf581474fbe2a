import os

import numcodecs
import pytest
import zarr

from tracking.errors import TrackingError
from tracking.io.safe_zarr import require_plain_files, require_safe_arrays


def array(folder, *, zarr_format=2, **options):
    group = zarr.open_group(folder, mode="a", zarr_format=zarr_format)
    return group.create_array("a", shape=(8,), dtype="u1", **options)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_compresses_is_safe(tmp_path, zarr_format):
    plain = array(tmp_path, zarr_format=zarr_format)
    require_safe_arrays(tmp_path, [plain], 100)
    nested = zarr.create_array(
        tmp_path / "nested", shape=(8,), dtype="f8", chunks=(2,), shards=(4,), compressors=zarr.codecs.ZstdCodec()
    )
    require_safe_arrays(tmp_path, [plain, nested], 100)


def test_pickle_is_refused_and_so_is_what_is_not_known(tmp_path):
    with pytest.raises(TrackingError, match="is refused: its arrays are stored with the codec pickle"):
        require_safe_arrays(tmp_path, [array(tmp_path / "1", filters=[numcodecs.Pickle()])], 100)
    unknown = array(tmp_path / "2", filters=[numcodecs.Quantize(digits=1, dtype="f4", astype="f4")])
    with pytest.raises(TrackingError, match="is refused: its arrays are stored with the codec quantize"):
        require_safe_arrays(tmp_path, [unknown], 100)


def test_a_claim_beyond_what_is_stored_is_refused(tmp_path):
    # 16 GB of zeros, none of which is stored.
    claimed = zarr.create_array(tmp_path / "a", shape=(2 * 10**9,), dtype="f8", chunks=(10**6,))
    with pytest.raises(TrackingError, match="it claims 16000000000 bytes of values in a folder of 1000 bytes"):
        require_safe_arrays(tmp_path, [claimed], 1000)
    require_safe_arrays(tmp_path, [claimed], 10**8)


def test_files_are_counted_and_links_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/file").write_bytes(bytes(5000))
    assert require_plain_files(tmp_path) >= 5000
    assert require_plain_files(tmp_path / "absent") == 0
    os.symlink("/etc", tmp_path / "inner/out")
    with pytest.raises(TrackingError, match="is refused: `inner/out` in it is a link or a device, not a file"):
        require_plain_files(tmp_path)


def test_a_pipe_that_would_never_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "0")
    with pytest.raises(TrackingError, match="`0` in it is a link or a device"):
        require_plain_files(tmp_path)
