import json

import numpy as np
import pytest

from medseg.cli.demo_tracking import demo_tracking
from medseg.cli.load_tracker import SHIPPED_TRACKER, find_tracker, load_tracker
from medseg.io import read_label
from tracking.io import read_tracks
from tracking.metrics import score_tracks


def test_both_sides_come_out_whole_without_mirroring(medseg, tmp_path):
    from scipy.ndimage import label as components

    result = medseg("demo", "-o", tmp_path, "--no-log", "--json")

    assert result.code == 0, result.err
    volumes = {row["side"]: row for row in json.loads(result.out)["volumes_ml"]}
    # The template is symmetric: whatever differs between the sides is the network's doing.
    assert abs(volumes["left"]["whole"] - volumes["right"]["whole"]) < 0.1 * volumes["left"]["whole"]
    brain = read_label(tmp_path / "brain_seg.nii.gz")
    for side, sign in (("left", -1), ("right", 1)):
        label = read_label(tmp_path / f"{side}_seg.nii.gz")
        parts, count = components(label.data[0] > 0)
        largest = np.bincount(parts.ravel())[1:].max()
        assert largest > 0.98 * np.count_nonzero(parts), f"{side} is in {count} pieces"
        # Nothing is cut off: no label voxel lies on a face of the crop.
        assert np.count_nonzero(label.data[0]) == np.count_nonzero(label.data[0][1:-1, 1:-1, 1:-1])
        assert 2.5 < volumes[side]["whole"] < 5
        world_x = (np.argwhere(label.data[0] > 0) @ label.affine[:3, :3].T + label.affine[:3, 3])[:, 0]
        assert (np.sign(world_x) == sign).all()
    assert np.count_nonzero(brain.data) / 1000 == volumes["left"]["whole"] + volumes["right"]["whole"]
    assert (tmp_path / "overlay.png").stat().st_size > 20_000
    assert json.loads(result.out)["tracking"]["alpha"] > 0.6
    assert (tmp_path / "tracking" / "tracks.csv").is_file()


def test_a_movie_is_tracked_scored_and_drawn(tmp_path):
    measures = demo_tracking(tmp_path, load_tracker(find_tracker(SHIPPED_TRACKER)).network)

    assert measures["alpha"] > measures["beta"] > 0.6
    assert measures["jsc_theta"] > 0.7
    assert score_tracks(
        read_tracks(tmp_path / "truth.xml"), read_tracks(tmp_path / "tracks.xml")
    ).alpha == pytest.approx(measures["alpha"])
    assert (tmp_path / "overlay.png").stat().st_size > 50_000
