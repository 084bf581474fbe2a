import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch

from medseg.bundle import find_bundle
from medseg.io import sha256_of
from tracking.io import read_tracks, write_movie, write_tracks
from tracking.metrics import score_tracks
from tracking.tracks import Tracks

LINKERS = ["recurrent", "lap", "trackpy", "trackpy-adaptive", "trackpy-velocity", "nearest"]


@pytest.mark.parametrize("linker", LINKERS)
def test_a_simulated_movie_is_tracked_and_scored(medseg, simulated, tmp_path, linker):
    options = ("--linker", linker, "--truth", simulated / "truth.xml", "--no-log", "--json")
    result = medseg("track", simulated / "movie.tif", "-o", tmp_path, *options)

    assert result.code == 0, result.err
    summary = json.loads(result.out)
    table, tracks = pd.read_csv(tmp_path / "tracks.csv"), read_tracks(tmp_path / "tracks.xml")
    assert {"y", "x", "mass", "size", "signal", "ep", "frame", "particle", "virtual", "snr", "x_std"} <= set(table)
    assert table["frame"].is_monotonic_increasing
    assert len(table) == len(tracks.spots) == summary["spots"] - summary["spots_unlinked"] + summary["spots_virtual"]
    assert (summary["link_probability"] is None) == (linker != "recurrent")
    # One particle in 550 square pixels at SNR 7: every linker has to do well here.
    assert summary["measures"]["alpha"] > 0.6
    assert summary["measures"] == pytest.approx(score_tracks(read_tracks(simulated / "truth.xml"), tracks).to_dict())
    for name in ("overlay.png", "summary.png"):
        assert (tmp_path / name).stat().st_size > 20_000
    assert not (tmp_path / ".medseg-detections").exists()


@pytest.mark.parametrize("detector", ["log", "dog", "trackpy"])
def test_every_detector_finds_the_particles(medseg, simulated, tmp_path, detector):
    result = medseg("track", simulated / "movie.tif", "-o", tmp_path, "--detector", detector, "--no-log")
    assert result.code == 0, result.err

    score = medseg("score-tracks", simulated / "truth.xml", tmp_path / "tracks.xml", "--no-log", "--json")
    assert json.loads(score.out)["detection"]["f1"] > 0.8


def test_a_movie_in_three_dimensions(medseg, tmp_path):
    simulate = (
        "simulate",
        "virus",
        "-o",
        tmp_path / "sim",
        "--density",
        "15",
        "--frames",
        "8",
        "--size",
        "96",
        "--snr",
        "7",
    )
    assert medseg(*simulate, "--no-log").code == 0

    options = ("--truth", tmp_path / "sim" / "truth.xml", "--json", "--no-log")
    result = medseg("track", tmp_path / "sim" / "movie.tif", "-o", tmp_path / "out", *options)

    assert result.code == 0, result.err
    assert json.loads(result.out)["measures"]["alpha"] > 0.5
    assert "z" in pd.read_csv(tmp_path / "out" / "tracks.csv")
    # The simulated file says how far its slices are apart.
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["params"]["linking"]["z_scale"] == pytest.approx(4.48)
    assert "slice" not in result.err


def test_bridged_frames_are_marked_or_left_out(medseg, simulated, tmp_path):
    track = ("track", simulated / "movie.tif", "--linker", "lap", "--no-log", "-o")
    filled = medseg(*track, tmp_path / "filled")
    bare = medseg(*track, tmp_path / "bare", "--no-fill")

    assert filled.code == bare.code == 0
    with_points, without = (pd.read_csv(tmp_path / name / "tracks.csv") for name in ("filled", "bare"))
    assert with_points["virtual"].any()
    assert not without["virtual"].any()
    detected = with_points[~with_points["virtual"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(detected, without, check_dtype=False)
    gaps = with_points.sort_values(["particle", "frame"]).groupby("particle")["frame"].diff()
    assert set(gaps.dropna()) == {1}


def test_the_run_holds_the_tracks_and_the_measures(medseg, simulated, tmp_path, logged, store):
    truth = simulated / "truth.xml"
    assert medseg("track", simulated / "movie.tif", "-o", tmp_path, "--truth", truth).code == 0

    (run,) = logged()
    assert run.info.status == "FINISHED"
    assert run.data.params["linking.method"] == "recurrent"
    assert 2 <= int(run.data.params["linking.max_gap"]) <= 7
    assert run.data.tags["model"] == run.data.params["bundle"] == "particle_tracker"
    assert run.data.tags["model_sha256"] == sha256_of(find_bundle("particle_tracker") / "models" / "model.pt")
    assert 0 < run.data.metrics["link_probability"] <= 1
    assert 0 < run.data.metrics["track_probability"] <= 1
    assert run.data.metrics["measures_alpha"] > 0.6
    artifacts = {
        item.path for folder in ("figures", "tables") for item in store.list_artifacts(run.info.run_id, folder)
    }
    assert artifacts == {"figures/overlay.png", "figures/summary.png", "tables/tracks.json", "tables/warnings.json"}
    assert str(simulated) not in str(run.data)


def test_the_recurrent_tracker_writes_how_sure_it_is(medseg, simulated, tmp_path):
    assert medseg("track", simulated / "movie.tif", "-o", tmp_path, "--no-log").code == 0

    table = pd.read_csv(tmp_path / "tracks.csv")
    assert table["track_probability"].between(0, 1).all()
    begins = ~table["particle"].duplicated()
    assert table.loc[~begins, "link_probability"].between(0, 1).all()
    assert table.loc[begins, "link_probability"].isna().all()
    # Where it was missed, a particle is expected somewhere, but not as exactly as where it was seen.
    assert table.loc[table["virtual"], ["x_std", "y_std", "xy_cov"]].notna().all(axis=None)
    convert = ("convert-tracks", tmp_path / "tracks.csv", tmp_path / "tracks.geff", "--no-log")
    assert medseg(*convert, "--pixel-size", "0.1", "--frame-interval", "0.05").code == 0
    assert {"link_probability", "track_probability", "xy_cov"} <= set(read_tracks(tmp_path / "tracks.geff").spots)


def test_weights_of_ones_own_are_named_in_the_record_but_not_where_they_lay(medseg, simulated, tmp_path, logged):
    own = tmp_path / "Meier.pt"
    shutil.copy(find_bundle("particle_tracker") / "models" / "model.pt", own)
    assert medseg("track", simulated / "movie.tif", "-o", tmp_path / "out", "--bundle", own).code == 0

    (model,) = json.loads((tmp_path / "out" / "run.json").read_text())["models"]
    assert (model["version"], model["sha256"]) == ("none", sha256_of(own))
    (run,) = logged()
    assert run.data.tags["model_sha256"] == sha256_of(own)
    assert "Meier" not in str(run.data)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no weights", "is damaged or holds no weights"),
        ({"state": {}}, "holds no weights of the recurrent tracker"),
        ({"format": 0, "settings": {}, "state": {}}, "train them again"),
        ({"format": 1, "settings": {"hidden": 3}, "state": {}}, "cannot track"),
    ],
    ids=["junk", "another file", "another version", "another size"],
)
def test_weights_that_are_none_are_refused_before_anything_is_detected(medseg, simulated, tmp_path, content, sentence):
    weights = tmp_path / "own.pt"
    if isinstance(content, bytes):
        weights.write_bytes(content)
    else:
        torch.save(content, weights)

    result = medseg("track", simulated / "movie.tif", "-o", tmp_path / "out", "--bundle", weights, "--no-log")

    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "tracks.csv").exists()


def test_a_file_that_is_no_weights_and_an_output_that_is_no_folder_are_told(medseg, simulated, tmp_path):
    other = tmp_path / "rnd.bin"
    other.write_bytes(b"junk")
    track = ("track", simulated / "movie.tif", "--no-log")

    told = medseg(*track, "-o", tmp_path / "out", "--bundle", other).err
    assert told.startswith("medseg: --bundle must be the name or the folder of a bundle, or a .pt file, got the file")
    told = medseg(*track, "-o", other).err
    assert told == f"medseg: output `{other}` is a file, no folder: choose another\n"


def test_particles_that_go_anywhere_are_tracked_with_a_warning_that_names_the_remedy(medseg, tmp_path):
    # Twenty spots in every frame, each frame elsewhere: no tracker can know which is which.
    y, x = np.mgrid[:96, :96]
    random, frames = np.random.default_rng(0), []
    for _ in range(12):
        places = random.uniform(5, 91, (20, 2))
        spots = sum(60 * np.exp(-((y - py) ** 2 + (x - px) ** 2) / 2) for py, px in places)
        frames.append(random.poisson(10 + spots))
    tifffile.imwrite(tmp_path / "movie.tif", np.array(frames, np.uint16), photometric="minisblack")

    result = medseg("track", tmp_path / "movie.tif", "-o", tmp_path / "out", "--no-log", "--json")

    assert result.code == 0, result.err
    (warning,) = [one for one in json.loads(result.out)["warnings"] if "--calibrate" in one]
    assert f"warning: {warning}" in result.err
    assert warning in json.loads((tmp_path / "out" / "run.json").read_text())["warnings"]


@pytest.mark.slow
def test_on_directed_motion_the_recurrent_tracker_is_at_least_as_good_as_linear_assignment(medseg, tmp_path):
    simulate = ("simulate", "microtubule", "--density", "mid", "--snr", "4", "--seed", "40", "--frames", "40")
    assert medseg(*simulate, "--size", "256", "-o", tmp_path / "sim", "--no-log").code == 0
    options = ("--truth", tmp_path / "sim" / "truth.xml", "--no-log", "--json")

    alpha = {}
    for linker in ("lap", "recurrent"):
        result = medseg("track", tmp_path / "sim" / "movie.tif", "-o", tmp_path / linker, "--linker", linker, *options)
        assert result.code == 0, result.err
        alpha[linker] = json.loads(result.out)["measures"]["alpha"]
    assert alpha["recurrent"] >= alpha["lap"]


def movie_of(frames):
    def write(folder):
        tifffile.imwrite(folder / "movie.tif", frames, photometric="minisblack")
        return folder / "movie.tif"

    return write


def noise(seed=0, shape=(6, 64, 64)):
    return np.random.default_rng(seed).poisson(10, shape).astype(np.uint8)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (noise(shape=(1, 64, 64)), "single frame"),
        (np.full((6, 64, 64), np.nan, np.float32), "finite"),
        (np.zeros((6, 64, 64, 3), np.uint8), "movie.tif"),
    ],
    ids=["one frame", "NaN", "four axes"],
)
def test_movies_that_cannot_be_tracked_are_refused(medseg, tmp_path, frames, sentence):
    result = medseg("track", movie_of(frames)(tmp_path), "-o", tmp_path / "out", "--no-log")

    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / "out" / "tracks.csv").exists()


@pytest.mark.parametrize(
    "frames", [np.full((6, 64, 64), 10, np.uint8), np.zeros((6, 64, 64), np.float32)], ids=["constant", "black"]
)
def test_a_movie_without_spots_gives_valid_empty_files_and_a_warning(medseg, tmp_path, frames):
    result = medseg("track", movie_of(frames)(tmp_path), "-o", tmp_path / "out", "--no-log")

    assert result.code == 0
    assert result.err.count("warning:") == 1
    assert "in all 6 frames every pixel has the same value" in result.err
    assert read_tracks(tmp_path / "out" / "tracks.csv").n_particles == 0
    assert read_tracks(tmp_path / "out" / "tracks.xml").n_particles == 0


def test_noise_alone_gives_the_advice_and_missing_pixels_are_told(medseg, tmp_path):
    frames = noise(shape=(6, 64, 64)).astype(np.float32)
    frames[2, 10, 10] = np.nan
    frames[4, 20, 20:22] = np.inf
    options = ("--false-alarms", "0.000001", "--z-step", "0.3", "--no-log")
    result = medseg("track", movie_of(frames)(tmp_path), "-o", tmp_path / "out", *options)

    assert result.code == 0
    assert "no spot was found" in result.err
    assert "1 pixel of frame 2 is not a finite number and was passed over (and so in 1 more frame)" in result.err
    assert "--z-step is of no use: the frames of `movie.tif` are flat" in result.err


def test_an_unreadable_frame_is_named_and_skipped_only_if_asked(medseg, simulated, tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for index, frame in enumerate(tifffile.imread(simulated / "movie.tif")):
        tifffile.imwrite(frames / f"t{index:03}.tif", frame)
    (frames / "t011.tif").write_bytes(b"damaged")

    refused = medseg("track", frames, "-o", tmp_path / "out", "--no-log")
    assert refused.code == 2
    assert "frame 11" in refused.err
    assert "--skip-bad-frames" in refused.err

    done = medseg("track", frames, "-o", tmp_path / "out", "--skip-bad-frames", "--no-log", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["frames_skipped"] == 1
    assert "skipped: 11" in done.err
    table = pd.read_csv(tmp_path / "out" / "tracks.csv")
    assert table.loc[table["frame"] == 11, "virtual"].all()


def test_a_truth_of_nothing_or_of_another_movie_is_told(medseg, simulated, tmp_path):
    write_tracks(tmp_path / "empty.xml", Tracks.empty())
    late = pd.DataFrame({"frame": [900, 901], "particle": 0, "x": [1.0, 2.0], "y": [1.0, 2.0]})
    write_tracks(tmp_path / "late.csv", Tracks.create(late))
    track = ("track", simulated / "movie.tif", "--no-log", "-o")

    refused = medseg(*track, tmp_path / "a", "--truth", tmp_path / "empty.xml")
    assert refused.code == 2
    assert "undefined" in refused.err
    other = medseg(*track, tmp_path / "b", "--truth", tmp_path / "late.csv")
    assert other.code == 0
    assert "no frame in common" in other.err


def test_the_record_says_what_was_done(medseg, tmp_path):
    small = ("--density", "15", "--frames", "6", "--size", "96", "--snr", "7", "--no-log")
    assert medseg("simulate", "virus", "-o", tmp_path / "sim", *small).code == 0
    result = medseg("track", tmp_path / "sim" / "movie.tif", "-o", tmp_path / "out", "--z-step", "0.3", "--no-log")
    assert result.code == 0, result.err

    params = json.loads((tmp_path / "out" / "run.json").read_text())["params"]
    assert params["movie"]["pixel_size"] == pytest.approx(0.1)
    assert params["linking"]["z_scale"] == pytest.approx(3)
    assert params["detector"]["sigma"] > 0.5
    assert params["skip_bad_frames"] is False


def test_tracks_that_are_there_are_kept(medseg, simulated, tmp_path):
    (tmp_path / "tracks.csv").write_text("mine")

    result = medseg("track", simulated / "movie.tif", "-o", tmp_path, "--no-log")

    assert result.code == 2
    assert "pass --overwrite" in result.err
    assert (tmp_path / "tracks.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--sigma", "-1"), "medseg: --sigma must be greater than"),
        (("--sigma", "49"), "--sigma must be at most a quarter"),
        (("--sigma-z", "2"), "--sigma-z must not be given for a movie of flat frames"),
        (("--device", "gpu"), "--device must be cpu, cuda, cuda:N or auto, got gpu\n"),
        (("--false-alarms", "0"), "--false-alarms must be greater than"),
        (("--search-radius", "nan"), "--search-radius must be a finite number"),
        (("--max-gap", "-2"), "--max-gap must be"),
        (("--max-gap", "50"), "with the method recurrent, got 50"),
        (("--hypotheses", "9"), "--hypotheses must be"),
        (("--linker", "lap", "--hypotheses", "2"), "--hypotheses is for --linker recurrent alone, got --linker lap"),
        (("--linker", "trackpy", "--hypotheses", "1"), "--hypotheses is for --linker recurrent alone"),
        (("--linker", "lap", "--bundle", "particle_tracker"), "--bundle is for --linker recurrent alone"),
        (("--bundle", "particle_traker"), "there is no bundle `particle_traker`: did you mean particle_tracker?"),
        (("--bundle", "hippocampus_unet"), "--bundle `hippocampus_unet` cannot track"),
        (("--linker", "trackpy", "--merging"), "--merging is for the method lap or recurrent alone\n"),
        (("--axes", "XQ"), "axes"),
        (("--channel", "3"), "channel"),
        (("--pixel-size", "0"), "pixel"),
        (("--truth", "absent.xml"), "absent.xml"),
    ],
)
def test_bad_options_are_one_sentence(medseg, simulated, tmp_path, options, sentence):
    result = medseg("track", simulated / "movie.tif", "-o", tmp_path / "out", *options, "--no-log")

    assert result.code == 2
    assert sentence in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_merges_and_splits_survive_in_the_table(medseg, tmp_path):
    # Two particles meet after 10 frames and go on as one of twice the brightness.
    y, x = np.mgrid[:64, :128]
    random, frames = np.random.default_rng(0), []
    for t in range(20):
        offset = max(0.0, 20 - 2 * t)
        picture = np.full(y.shape, 10.0)
        for sign in (-1, 1):
            picture += 100 * np.exp(-((y - 32 - sign * offset / 2) ** 2 + (x - 20 - 3 * t) ** 2) / 4)
        frames.append(random.poisson(picture))
    movie = tmp_path / "movie.tif"
    write_movie(movie, (f.astype(np.uint16) for f in frames), frame_shape=y.shape, dtype=np.dtype(np.uint16))

    options = ("--linker", "lap", "--merging", "--search-radius", "6", "--no-log", "--json")
    result = medseg("track", movie, "-o", tmp_path / "out", *options)

    assert result.code == 0, result.err
    assert json.loads(result.out)["branchings"] == 1
    assert "tracks.xml cannot hold merges" in result.err
    (of,) = read_tracks(tmp_path / "out" / "tracks.csv").parents.values()
    assert len(of) == 2


def test_real_movies_run_end_to_end(medseg, shared_data, tmp_path):
    movie = shared_data / "trackmate_samples" / "FakeTracks.tif"
    result = medseg("track", movie, "-o", tmp_path, "--no-log", "--json")

    assert result.code == 0, result.err
    # What TrackMate found in it, with settings made for it, is found without any.
    trackmate = shared_data / "trackmate_samples" / "stracking_FakeTracks_ISBI.xml"
    score = json.loads(medseg("score-tracks", trackmate, tmp_path / "tracks.xml", "--no-log", "--json").out)
    assert score["detection"]["recall"] > 0.95
    assert score["detection"]["rmse"] < 0.3
    assert score["alpha"] > 0.7


def test_one_channel_of_several_is_chosen(medseg, simulated, tmp_path):
    frames = tifffile.imread(simulated / "movie.tif")
    both = np.stack([np.full_like(frames, 3), frames], axis=1)
    tifffile.imwrite(tmp_path / "two.ome.tif", both, metadata={"axes": "TCYX"}, photometric="minisblack")

    unchosen = medseg("track", tmp_path / "two.ome.tif", "-o", tmp_path / "out", "--no-log")
    assert unchosen.code == 2
    assert "--channel" in unchosen.err

    assert medseg("track", tmp_path / "two.ome.tif", "-o", tmp_path / "out", "--channel", "1", "--no-log").code == 0
    assert medseg("track", simulated / "movie.tif", "-o", tmp_path / "plain", "--no-log").code == 0
    one, plain = ((tmp_path / name / "tracks.xml").read_bytes() for name in ("out", "plain"))
    assert one == plain
    shutil.rmtree(tmp_path / "out")
