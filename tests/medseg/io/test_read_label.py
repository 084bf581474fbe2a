from pathlib import Path

import numpy as np
import pytest

from medseg.errors import UserError
from medseg.io import Image, read_label, write_image


def save(path: Path, data: np.ndarray) -> Path:
    write_image(path, Image(data, np.eye(4), ".nii"))
    return path


def test_whole_numbers_stored_as_floats_become_integers(tmp_path: Path) -> None:
    label = read_label(save(tmp_path / "a.nii.gz", np.array([0, 1, 2, 300], np.float32).reshape(1, 4, 1, 1)))
    assert label.data.dtype == np.int32
    np.testing.assert_array_equal(label.data.ravel(), [0, 1, 2, 300])


def test_integers_keep_their_type(tmp_path: Path) -> None:
    assert read_label(save(tmp_path / "a.nii.gz", np.ones((1, 2, 2, 2), np.uint16))).data.dtype == np.uint16


def test_what_is_no_label_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 voxels lie between"):
        read_label(save(tmp_path / "a.nii", np.array([0.5, 1, 1.25, 0], np.float32).reshape(1, 4, 1, 1)))
    with pytest.raises(UserError, match="one channel, got 3"):
        read_label(save(tmp_path / "a.nii", np.zeros((3, 2, 2, 2), np.uint8)))
    with pytest.raises(UserError, match=r"largest value is 1e\+10"):
        read_label(save(tmp_path / "a.nii", np.full((1, 2, 2, 2), 1e10, np.float32)))


def test_every_decathlon_label_is_readable(hippocampus_data: Path) -> None:
    for path in sorted((hippocampus_data / "labelsTr").glob("hippo*"))[::20]:
        label = read_label(path)
        assert set(np.unique(label.data)) == {0, 1, 2}
        assert label.data.dtype.kind in "iu"
