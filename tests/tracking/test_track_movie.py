import numpy as np
import pandas as pd
import pytest
import torch

from tracking.detection import DetectionOptions
from tracking.dpht.network import TrackNetwork
from tracking.io import open_movie, read_tracks, write_movie, write_tracks
from tracking.linking import Linking, LinkingOptions
from tracking.linking.linking import GapPoints
from tracking.simulation import simulate
from tracking.track_movie import _drop_short, track_movie


@pytest.fixture
def movie(tmp_path):
    made = simulate("vesicle", density=15, snr=7, seed=1, overrides={"n_frames": 110, "frame_shape": (96, 96)})
    options = {"frame_shape": made.frame_shape, "dtype": made.dtype, "pixel_size": 0.1, "frame_interval": 0.05}
    write_movie(tmp_path / "movie.tif", made, **options)
    with open_movie(tmp_path / "movie.tif") as opened:
        yield opened


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A short movie, tracked by methods by name; by the recurrent tracker with a network that knows nothing.

    What is tested must hold whatever the weights are.
    """
    folder = tmp_path_factory.mktemp("tracked")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TrackNetwork(hidden=8).eval()
    with torch.no_grad():
        # Not so shy of links that there is nothing to look at.
        for judge in (network.judge_both, network.judge_future):
            judge.last.bias.add_(2.0)
    made = simulate("vesicle", density=15, snr=4, seed=1, overrides={"n_frames": 24, "frame_shape": (96, 96)})
    write_movie(folder / "movie.tif", made, frame_shape=made.frame_shape, dtype=made.dtype)

    def once(name, method):
        with open_movie(folder / "movie.tif") as opened:
            return run(opened, folder / name, method=method, network=network, min_length=1)

    results = {"lap": once("lap", "lap"), "recurrent": once("recurrent", "recurrent")}
    once("again", "recurrent")
    return folder, results


def run(movie, folder, *, method="lap", **options):
    folder.mkdir()
    linking = LinkingOptions(method=method, max_gap=2)
    return track_movie(movie, folder, detection=DetectionOptions(), linking=linking, **options)


def test_both_files_hold_the_same_tracks(movie, tmp_path):
    result = run(movie, tmp_path / "out")

    table, challenge = read_tracks(tmp_path / "out" / "tracks.csv"), read_tracks(tmp_path / "out" / "tracks.xml")
    columns = ["frame", "particle", "y", "x", "virtual", "y_std", "x_std", "xy_cov"]
    assert set(result.tracks.spots) == set(columns)
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
    both = pd.concat([detected[["frame", "y", "x"]], result.unlinked])
    assert result.n_unlinked == len(result.unlinked) > 0
    assert not both.duplicated().any()
    assert detected.groupby("particle").size().min() >= 3
    assert sorted(detected["particle"].unique()) == list(range(result.tracks.n_particles))
    assert run(movie, tmp_path / "all", min_length=1).n_unlinked == 0


def test_progress_goes_through_all_frames_of_both_steps(movie, tmp_path, shipped):
    said = []
    run(movie, tmp_path / "out", method="recurrent", network=shipped, progress=lambda *one: said.append(one))
    for step in ("detecting", "linking"):
        done = [one for name, one, total in said if name == step and total == movie.n_frames]
        assert done == sorted(done)
        assert done[-1] == movie.n_frames


def test_the_table_does_not_depend_on_whether_the_work_was_interrupted(movie, tmp_path):
    def stop(step, done, total):
        if step == "detecting" and done == 100:
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


def test_the_recurrent_tracker_says_how_sure_it_is(tracked):
    folder, results = tracked
    tracks = results["recurrent"].tracks

    table = pd.read_csv(folder / "recurrent" / "tracks.csv")
    errors = ["y_std", "x_std", "xy_cov"]
    columns = ["frame", "particle", "y", "x", "virtual", *errors, "link_probability", "track_probability"]
    assert set(tracks.spots) == set(columns)
    pd.testing.assert_frame_equal(
        read_tracks(folder / "recurrent" / "tracks.csv").spots[columns], tracks.spots[columns]
    )
    # A particle begins without a link; all else has a probability, and what is filled in has errors of its own.
    first = ~table["particle"].duplicated()
    assert table["link_probability"].isna().tolist() == first.tolist()
    assert table.groupby("particle")["track_probability"].nunique().eq(1).all()
    filled = table[table["virtual"]]
    assert len(filled) > 5
    assert filled[errors].notna().all(axis=None)
    assert filled[["mass", "signal", "ep"]].isna().all(axis=None)
    assert (filled["x_std"] ** 2 * filled["y_std"] ** 2 > filled["xy_cov"] ** 2).all()
    assert results["recurrent"].linking.max_gap == 2
    assert results["recurrent"].displacement > 0
    assert results["lap"].displacement is None


def test_what_was_detected_is_as_the_detector_says_whoever_links_it(tracked):
    folder, _ = tracked
    lap, recurrent = (pd.read_csv(folder / method / "tracks.csv") for method in ("lap", "recurrent"))
    same = [name for name in lap if name not in ("particle", "virtual")]
    lap, recurrent = (
        table.loc[~table["virtual"], same].sort_values(["frame", "y", "x"], ignore_index=True)
        for table in (lap, recurrent)
    )
    pd.testing.assert_frame_equal(lap, recurrent)


@pytest.mark.parametrize("name", ["tracks.parquet", "tracks.geff", "tracks.npz", "tracks.trackmate.xml"])
def test_probabilities_and_regions_survive_in_every_format_that_can_hold_them(tracked, tmp_path, name):
    tracks = read_tracks(tracked[0] / "recurrent" / "tracks.csv")
    write_tracks(tmp_path / name, tracks)
    again = read_tracks(tmp_path / name)
    # TrackMate's format adds columns of its own.
    pd.testing.assert_frame_equal(again.spots[list(tracks.spots)], tracks.spots, check_exact=True)


def test_the_same_movie_gives_the_same_bytes(tracked):
    once, again = ((tracked[0] / name / "tracks.csv").read_bytes() for name in ("recurrent", "again"))
    assert once == again


def test_a_missing_network_is_told_before_anything_is_detected(movie, tmp_path):
    with pytest.raises(ValueError, match="needs a `network`"):
        run(movie, tmp_path / "out", method="recurrent")
    assert not any((tmp_path / "out").iterdir())


def test_what_is_dropped_takes_its_gaps_along():
    # Particles 0 and 1 are too short and have gaps in the same frame; 2 has one too, and stays.
    #  t=0 1 2 3 4
    #    0 . 0
    #    1 . 1
    #    2 . 2 2 2
    linking = Linking(
        particle=np.array([0, 1, 2, 0, 1, 2, 2, 2]),
        parents={},
        search_radius=5.0,
        max_gap=1,
        gaps=GapPoints(np.ones(3, int), np.arange(3), np.arange(6.0).reshape(3, 2), np.tile(np.eye(2), (3, 1, 1))),
    )
    kept = _drop_short(linking, 3)
    assert kept.particle.tolist() == [-1, -1, 0, -1, -1, 0, 0, 0]
    assert (kept.gaps.frame.tolist(), kept.gaps.particle.tolist()) == ([1], [0])
    np.testing.assert_array_equal(kept.gaps.position, [[4, 5]])
