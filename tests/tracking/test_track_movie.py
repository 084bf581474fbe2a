import numpy as np
import pandas as pd
import pytest

from tracking.detection import DetectionOptions
from tracking.io import open_movie, read_tracks, write_movie
from tracking.linking import LinkingOptions
from tracking.simulation import simulate
from tracking.track_movie import track_movie


@pytest.fixture
def movie(tmp_path):
    made = simulate("vesicle", density=15, snr=7, seed=1, overrides={"n_frames": 110, "frame_shape": (96, 96)})
    options = {"frame_shape": made.frame_shape, "dtype": made.dtype, "pixel_size": 0.1, "frame_interval": 0.05}
    write_movie(tmp_path / "movie.tif", made, **options)
    with open_movie(tmp_path / "movie.tif") as opened:
        yield opened


def run(movie, folder, **options):
    folder.mkdir()
    return track_movie(movie, folder, detection=DetectionOptions(), linking=LinkingOptions(max_gap=2), **options)


def test_both_files_hold_the_same_tracks(movie, tmp_path):
    result = run(movie, tmp_path / "out")

    table, challenge = read_tracks(tmp_path / "out" / "tracks.csv"), read_tracks(tmp_path / "out" / "tracks.xml")
    columns = ["frame", "particle", "y", "x", "virtual"]
    pd.testing.assert_frame_equal(table.spots[columns], result.tracks.spots[columns], check_like=True)
    # The challenge's format numbers particles by their order alone.
    by_place = ["frame", "y", "x"]
    expected = result.tracks.spots[by_place].sort_values(by_place, ignore_index=True)
    pd.testing.assert_frame_equal(challenge.spots[by_place].sort_values(by_place, ignore_index=True), expected)
    assert challenge.n_particles == table.n_particles
    assert result.tracks.pixel_size == pytest.approx(0.1)
    assert result.tracks.frame_interval == pytest.approx(0.05)


def test_every_spot_is_in_a_track_or_counted(movie, tmp_path):
    result = run(movie, tmp_path / "out", min_length=3)

    detected = result.tracks.spots[~result.tracks.spots["virtual"]]
    assert len(detected) + result.n_unlinked == result.n_detections
    assert detected.groupby("particle").size().min() >= 3
    assert sorted(detected["particle"].unique()) == list(range(result.tracks.n_particles))
    assert run(movie, tmp_path / "all", min_length=1).n_unlinked == 0


def test_the_table_does_not_depend_on_whether_the_work_was_interrupted(movie, tmp_path):
    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    run(movie, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(movie, tmp_path / "resumed", progress=stop)
    result = track_movie(movie, tmp_path / "resumed", detection=DetectionOptions(), linking=LinkingOptions(max_gap=2))

    assert result.reused == 100
    for name in ("tracks.csv", "tracks.xml"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_filled_points_lie_between_their_neighbours_and_have_no_intensity(movie, tmp_path):
    result = run(movie, tmp_path / "out")

    table = pd.read_csv(tmp_path / "out" / "tracks.csv").sort_values(["particle", "frame"], ignore_index=True)
    filled = table.index[table["virtual"]]
    assert len(filled) > 5
    assert table.loc[filled, ["mass", "signal", "x_std"]].isna().all(axis=None)
    single = [row for row in filled if not table["virtual"][[row - 1, row + 1]].any()]
    halfway = (table["x"].to_numpy()[np.array(single) - 1] + table["x"].to_numpy()[np.array(single) + 1]) / 2
    np.testing.assert_allclose(table.loc[single, "x"], halfway)
    assert result.tracks.spots["virtual"].sum() == len(filled)
