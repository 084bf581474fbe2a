import pickle

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.spatial import cKDTree

from tracking.detection import DetectionOptions, cramer_rao_bound, prepare_detector, spot_columns
from tracking.errors import TrackingError
from tracking.tracks import OPTIONAL_COLUMNS

MEASURES = ["mass", "size", "ecc", "signal", "raw_mass", "ep", "background", "snr"]
COLUMNS_2D = ["y", "x", *MEASURES, "y_std", "x_std", "xy_cov"]
COLUMNS_3D = ["z", "y", "x", *MEASURES, "z_std", "y_std", "x_std", "xy_cov", "xz_cov", "yz_cov"]


def detect(frame, **options):
    return prepare_detector([frame], DetectionOptions(**options)).detect(frame)


def positions(spots):
    return spots[[axis for axis in ("z", "y", "x") if axis in spots]].to_numpy()


@pytest.mark.parametrize(
    ("kind", "sigma"),
    [
        ("poisson", 0.85),
        ("gaussian", 2.0),
        pytest.param("gaussian", 0.85, marks=pytest.mark.slow),
        pytest.param("poisson", 2.0, marks=pytest.mark.slow),
    ],
)
def test_noise_gives_the_false_alarms_asked_for(kind, sigma):
    random = np.random.default_rng(0)
    draw = (
        (lambda: random.normal(100, 5, (400, 400))) if kind == "gaussian" else (lambda: random.poisson(10, (400, 400)))
    )
    frames = [draw().astype(np.float32) for _ in range(8)]
    for false_alarms in (1.0, 10.0):
        options = DetectionOptions(sigma=sigma, false_alarms=false_alarms, fit=False)
        detector = prepare_detector(frames[:3], options)
        per_frame = np.mean([len(detector.detect(frame)) for frame in frames])
        assert false_alarms / 2 < per_frame < 2 * false_alarms


@pytest.mark.parametrize("method", ["log", pytest.param("dog", marks=pytest.mark.slow)])
def test_spots_of_a_crowded_movie(simulate, jaccard, method):
    movie = [simulate(seed, n=125, snr=4) for seed in range(3)]
    options = DetectionOptions(method=method, false_alarms=1)
    detector = prepare_detector([frame for _, frame in movie], options)
    found = [positions(detector.detect(frame)) for _, frame in movie]
    assert np.mean([jaccard(truth, spots, 5) for (truth, _), spots in zip(movie, found, strict=True)]) > 0.95
    assert np.mean([jaccard(truth, spots, 2) for (truth, _), spots in zip(movie, found, strict=True)]) > 0.95


@pytest.mark.parametrize("snr", [4, pytest.param(7, marks=pytest.mark.slow)])
def test_positions_reach_the_cramer_rao_bound_and_errors_are_honest(simulate, peak_signal, snr):
    movie = [simulate(seed, n=40, snr=snr) for seed in range(6)]
    detector = prepare_detector([frame for _, frame in movie[:3]])
    errors, scores = [], []
    for truth, frame in movie:
        spots = detector.detect(frame)
        lone = np.array([len(near) == 1 for near in cKDTree(truth).query_ball_point(truth, 8)])
        lone &= (truth > 5).all(axis=1) & (truth < 250).all(axis=1)
        distance, index = cKDTree(positions(spots)).query(truth)
        kept = lone & (distance < 1.5)
        assert kept.sum() >= lone.sum() - 1
        deviation = (positions(spots)[index] - truth)[kept]
        errors.append(deviation)
        scores.append(deviation / spots[["y_std", "x_std"]].to_numpy()[index][kept])
    offsets = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 2))
    bound = np.mean([cramer_rao_bound(0.85, peak_signal(snr), 10, 7, centre=centre) ** 2 for centre in offsets])
    assert np.sqrt((np.concatenate(errors) ** 2).mean() / bound) < 1.3
    assert np.sqrt((np.concatenate(scores) ** 2).mean()) == pytest.approx(1, abs=0.15)


def test_what_is_measured_of_a_spot(simulate, peak_signal, render):
    movie = [simulate(seed, n=40, snr=7, sigma=1.2) for seed in range(2)]
    for options in ({}, {"fit": False}):
        detector = prepare_detector([frame for _, frame in movie[:2]], DetectionOptions(**options))
        spots = pd.concat([detector.detect(frame) for _, frame in movie])
        middle = spots.median()
        assert middle["signal"] == pytest.approx(peak_signal(7), rel=0.06)
        assert middle["mass"] == pytest.approx(render([(20, 20)], peak_signal(7), 1.2, (41, 41), 0).sum(), rel=0.06)
        assert middle["background"] == pytest.approx(10, abs=0.5)
        assert middle["snr"] == pytest.approx(7, rel=0.1)
        assert middle["size"] == pytest.approx(1.2, rel=0.1)
        assert 0 <= spots["ecc"].min() <= middle["ecc"] < 0.2
        assert (spots["raw_mass"] > spots["mass"]).all()
        assert spots["ep"].isna().all() == (not options.get("fit", True))


def test_an_elongated_spot_is_eccentric(render):
    #  variance 1 down and 1 + 2/3 across, and 1/12 of the pixels in both: (2/3) / (2 + 2/3 + 1/6)
    frame = sum(render([(20, 20 + shift)], 40.0, 1.0, (41, 41)) for shift in (-1, 0, 1))
    round_spot = detect(render([(20, 20)], 40.0, 1.0, (41, 41)), sigma=1.0)
    assert detect(frame, sigma=1.0).loc[0, "ecc"] == pytest.approx(0.235, abs=0.08)
    assert round_spot.loc[0, "ecc"] < 0.02


@pytest.mark.parametrize("method", ["log", "dog", "trackpy"])
@pytest.mark.parametrize("fit", [True, False])
def test_the_table(simulate, method, fit):
    _, frame = simulate(0, n=30, snr=7, shape=(128, 128))
    spots = detect(frame, method=method, fit=fit, sigma=0.85)
    assert list(spots) == COLUMNS_2D == spot_columns(2)
    assert (spots.dtypes == np.float64).all()
    assert isinstance(spots.index, pd.RangeIndex)
    assert spots[["y", "x"]].apply(tuple, axis=1).is_monotonic_increasing
    assert 20 < len(spots) < 40
    assert set(spots) - {"z", "y", "x"} <= set(OPTIONAL_COLUMNS)
    assert detect(np.zeros((32, 32)), method=method, fit=fit).dtypes.equals(spots.dtypes)


def test_stacks(simulate, jaccard):
    truth, frame = simulate(0, n=20, snr=5, sigma=(1.0, 0.85, 0.85), shape=(10, 64, 64))
    spots = detect(frame)
    assert list(spots) == COLUMNS_3D == spot_columns(3)
    assert jaccard(truth, positions(spots), 2) > 0.9
    assert spots["z_std"].median() == pytest.approx(0.12, rel=0.4)
    tall = detect(frame, method="trackpy", sigma=0.85, sigma_z=1.0)
    assert list(tall) == COLUMNS_3D
    inside = (truth[:, 0] > 2) & (truth[:, 0] < 7) & (truth[:, 1:] > 4).all(axis=1) & (truth[:, 1:] < 59).all(axis=1)
    assert (cKDTree(positions(tall)).query(truth[inside])[0] < 1).mean() > 0.85


def test_a_stack_of_one_slice_is_a_flat_frame(simulate):
    _, frame = simulate(0, n=30)
    flat, stack = detect(frame, sigma=0.85), detect(frame[None], sigma=0.85)
    assert list(stack) == COLUMNS_3D
    assert (stack["z"] == 0).all()
    assert stack[["z_std", "xz_cov", "yz_cov"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(stack[COLUMNS_2D], flat)


def test_runs_are_equal_also_after_pickling(simulate):
    _, frame = simulate(0)
    detector = prepare_detector([frame])
    first = detector.detect(frame)
    pd.testing.assert_frame_equal(first, detector.detect(frame))
    again = pickle.loads(pickle.dumps(detector))
    pd.testing.assert_frame_equal(first, again.detect(frame))
    assert dict(again.settings) == dict(prepare_detector([frame.copy()]).settings)
    assert detector.settings["sigma"] == pytest.approx(0.85, rel=0.1)


@pytest.mark.parametrize(
    ("change", "factor", "offset"),
    [
        (lambda f: f * 1e-9, 1e-9, 0.0),
        (lambda f: f * np.float32(1e9), 1e9, 0.0),
        (lambda f: f - 1000.0, 1.0, -1000.0),
        (lambda f: f.astype(np.int64) * 600, 600.0, 0.0),
        (lambda f: (f * 600).astype(np.uint16), 600.0, 0.0),
        (lambda f: f.astype(np.uint8), 1.0, 0.0),
    ],
    ids=["tiny", "huge", "negative", "int64", "uint16", "uint8"],
)
def test_the_unit_of_intensity_does_not_matter(simulate, change, factor, offset):
    _, frame = simulate(0, n=40, snr=7, shape=(160, 160))
    plain, changed = (detect(values, sigma=0.85) for values in (frame.astype(float), change(frame.astype(float))))
    np.testing.assert_allclose(positions(changed), positions(plain), atol=0.02)
    np.testing.assert_allclose(changed["mass"], factor * plain["mass"], rtol=0.02)
    np.testing.assert_allclose(
        changed["background"], factor * plain["background"] + offset, rtol=0.02, atol=0.1 * factor
    )
    np.testing.assert_allclose(changed["snr"], plain["snr"], rtol=0.05)


def test_dark_spots(simulate):
    _, frame = simulate(0, n=40, snr=7)
    bright, dark = detect(frame, sigma=0.85), detect(250 - frame.astype(np.int16), dark=True, sigma=0.85)
    assert len(dark) == pytest.approx(len(bright), abs=3)
    distance, index = cKDTree(positions(bright)).query(positions(dark))
    same = distance < 0.5
    assert same.mean() > 0.9
    assert dark["mass"][same].to_numpy() == pytest.approx(bright["mass"].to_numpy()[index[same]], rel=0.1)
    assert dark["background"].median() == pytest.approx(240, abs=1)


def test_missing_pixels_hold_no_spots_and_harm_none(simulate):
    truth, frame = simulate(0, n=60, snr=7)
    holed = frame.astype(float)
    holed[100:140, 50:200] = np.nan
    holed[3, 3] = np.inf
    spots = detect(holed, sigma=0.85)
    found = positions(spots)
    assert np.isfinite(found).all()
    assert not ((found > (102, 52)) & (found < (137, 197))).all(axis=1).any()
    outside = ~((truth > (95, 45)) & (truth < (145, 205))).all(axis=1)
    assert (cKDTree(found).query(truth[outside])[0] < 1).mean() > 0.95


@pytest.mark.parametrize("method", ["log", "trackpy"])
@pytest.mark.parametrize("offset", [(0, 0), (0, 1), (1, 1)])
def test_a_spot_is_found_though_a_pixel_of_it_is_missing(simulate, method, offset):
    truth, frame = simulate(0, n=40, snr=7, sigma=1.3)
    whole = positions(detect(frame.astype(float), sigma=1.3, method=method))
    pixels = np.rint(truth).astype(int) + offset
    pixels = pixels[(pixels < frame.shape).all(axis=1)]
    holed = frame.astype(float)
    holed[tuple(pixels.T)] = np.nan

    found = positions(detect(holed, sigma=1.3, method=method))

    near = cKDTree(truth).query(whole)[0] < 1
    assert (cKDTree(found).query(whole[near])[0] < 1).mean() > 0.9
    assert len(found) <= 1.1 * len(whole)


def test_hot_pixels_are_left_out(simulate):
    _, frame = simulate(0, n=30, snr=5, sigma=1.1)
    before = detect(frame, sigma=1.1)
    places = np.random.default_rng(0).integers(5, 250, (40, 2))
    frame[tuple(places.T)] = 3000
    after = detect(frame, sigma=1.1)
    assert (cKDTree(places).query(positions(after))[0] < 0.5).sum() == 0
    assert len(after) >= 0.9 * len(before)


def test_spots_at_the_border_are_found(render):
    truth = np.array([(0.0, 30.2), (63.3, 20.0), (31.0, -0.4), (0.2, 0.1), (40.0, 63.0)])
    frame = np.random.default_rng(0).poisson(render(truth, 100.0, 1.0, (64, 64)))
    found = positions(detect(frame, sigma=1.0))
    assert (cKDTree(found).query(truth)[0] < 0.5).all()


def test_two_spots_at_one_place_are_one(render):
    frame = np.random.default_rng(0).poisson(render([(30, 30), (30, 30.2)], 60.0, 1.0, (64, 64)))
    found = positions(detect(frame, sigma=1.0, false_alarms=0.01))
    assert found == pytest.approx(np.array([(30, 30.1)]), abs=0.2)


def test_saturated_spots_are_found_once(render):
    truth = [(12, 20), (16, 48), (34, 34), (50, 12), (52, 50)]
    frame = np.clip(np.random.default_rng(0).poisson(render(truth, 900.0, 2.0, (64, 64))), 0, 255).astype(np.uint8)
    assert positions(detect(frame, false_alarms=0.01)) == pytest.approx(np.array(truth), abs=0.5)


@pytest.mark.parametrize("method", ["log", pytest.param("dog", marks=pytest.mark.slow), "trackpy"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 100), (9, 9), (1, 20, 20), (2, 16, 16), (3, 5, 5)])
def test_frames_smaller_than_the_filter(method, shape):
    frame = np.random.default_rng(0).poisson(10, shape).astype(np.uint8)
    spots = detect(frame, method=method)
    assert list(spots) == spot_columns(len(shape))
    assert len(spots) < 10


@pytest.mark.parametrize("method", ["log", pytest.param("dog", marks=pytest.mark.slow), "trackpy"])
@pytest.mark.parametrize("value", [0, 255])
def test_a_constant_frame_holds_no_spots(method, value):
    detector = prepare_detector([np.full((64, 64), value, np.uint8)], DetectionOptions(method=method))
    assert not detector.settings["sigma_is_measured"]
    assert detector.detect(np.full((64, 64), value, np.uint8)).empty


@pytest.mark.parametrize(
    "blank",
    [
        (0, 1, 2),
        (3, 4, 5, 6, 7, 8, 9),
        pytest.param((1, 4, 9), marks=pytest.mark.slow),
        pytest.param((0, 2, 4, 6, 8), marks=pytest.mark.slow),
        (*range(8), 9),
    ],
    ids=str,
)
def test_blank_frames_do_not_count(simulate, blank):
    movie = [simulate(seed, n=15, snr=7, sigma=1.2, shape=(96, 96))[1] for seed in range(10)]
    lit = [frame for index, frame in enumerate(movie) if index not in blank]
    blanked = [np.zeros_like(frame) if index in blank else frame for index, frame in enumerate(movie)]
    plain, detector = prepare_detector(lit), prepare_detector(blanked)
    assert detector.settings == plain.settings
    for frame in lit[:3]:
        spots = detector.detect(frame)
        pd.testing.assert_frame_equal(spots, plain.detect(frame))
        assert 10 <= len(spots) <= 20
    for value in (0, 12, 65535):
        assert detector.detect(np.full_like(lit[0], value)).empty


def test_a_frame_of_one_intensity_and_missing_pixels_is_blank(simulate):
    _, frame = simulate(0, n=15, snr=7, sigma=1.2, shape=(96, 96))
    blank = np.full(frame.shape, 3.0)
    blank[::5] = np.nan
    lit = frame.astype(float)
    assert prepare_detector([blank, blank, lit]).settings == prepare_detector([lit]).settings


def test_a_frame_that_is_all_missing_holds_no_spots(simulate):
    _, frame = simulate(0)
    detector = prepare_detector([np.full(frame.shape, np.nan), frame.astype(float)])
    assert detector.detect(np.full(frame.shape, np.nan)).empty
    assert len(detector.detect(frame.astype(float))) > 50


@pytest.mark.parametrize(
    ("frames", "options", "sentence"),
    [
        ([np.full((8, 8), np.nan)], {}, "the movie must have pixels with a value, but all of those looked at are NaN"),
        ([], {}, "the movie must have at least one frame, got none"),
        ([np.zeros((8, 8)), np.zeros((8, 9))], {}, r"must all have one shape, got \(8, 8\) and \(8, 9\)"),
        ([np.zeros((2, 2, 8, 8))], {}, r"must have shape \(y, x\) or \(z, y, x\), got \(2, 2, 8, 8\)"),
        ([np.zeros((0, 8))], {}, "must have shape"),
        ([np.zeros((8, 8))], {"sigma_z": 1.0}, "`sigma_z` must not be given for a movie of flat frames"),
        ([np.zeros((40, 80))], {"sigma": 11}, "`sigma` must be at most a quarter .* which is 40 pixels, got 11"),
        ([np.zeros((4, 40, 40))], {"sigma_z": 5}, "`sigma_z` must be at most the number of slices, which is 4, got 5"),
        ([np.zeros((20, 99, 99))], {"sigma": 20, "sigma_z": 9}, "`sigma` and `sigma_z` must leave the window"),
    ],
)
def test_mistakes(frames, options, sentence):
    with pytest.raises(TrackingError, match=sentence):
        prepare_detector(frames, DetectionOptions(**options))


def test_a_frame_of_another_shape():
    detector = prepare_detector([np.zeros((32, 32))])
    with pytest.raises(TrackingError, match=r"must all have shape \(32, 32\), got \(32, 31\)"):
        detector.detect(np.zeros((32, 31)))


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("sigma", [0, 0.2, 51, 1e6, np.nan]),
        ("sigma_z", [-1, 0.2, 21, np.inf]),
        ("false_alarms", [-1, 0, 1e-300, 2e6]),
        ("method", ["blob"]),
        ("threshold", [3]),
    ],
)
def test_options_are_checked(option, values):
    for value in values:
        with pytest.raises(ValidationError, match=f"1 validation error for DetectionOptions\n{option}"):
            DetectionOptions(**{option: value})


@pytest.mark.parametrize("method", ["log", pytest.param("dog", marks=pytest.mark.slow), "trackpy"])
@pytest.mark.parametrize("options", [{"false_alarms": 1e-6}, {"false_alarms": 1e6}, {"sigma": 0.3}, {"sigma": 16}])
def test_the_bounds_of_options_can_be_used(method, options):
    frame = np.random.default_rng(0).poisson(10, (64, 64))
    found = len(detect(frame, method=method, fit=False, **options))
    assert (found > 10) == (options.get("false_alarms") == 1e6)


def test_every_option_is_described():
    assert all(field.description for field in DetectionOptions.model_fields.values())


def test_immobile_probes(shared_data):
    import tifffile

    movie = tifffile.imread(shared_data / "trackpy_movies" / "stuck_fluorescent_probes.tif")
    detector = prepare_detector(list(movie[::2]))
    assert detector.settings["sigma"] == pytest.approx(1.1, rel=0.1)
    first, second = (detector.detect(frame) for frame in movie[:2])
    distance, index = cKDTree(positions(second)).query(positions(first))
    kept = (distance < 1) & (first["snr"] > 5).to_numpy()
    assert kept.sum() >= 40
    # What the probes seem to move between two frames is the two errors of localisation.
    moved = positions(first)[kept] - positions(second)[index[kept]]
    moved -= np.median(moved, axis=0)
    claimed = np.sqrt(first["ep"].to_numpy()[kept] ** 2 + second["ep"].to_numpy()[index[kept]] ** 2)
    assert np.median(np.abs(moved)) / 0.6745 == pytest.approx(np.median(claimed), rel=0.4)


def test_spots_that_others_have_marked(shared_data):
    import tifffile

    frame = tifffile.imread(shared_data / "trackmate_samples" / "FakeTracks.tif")[0]
    bright = detect(frame).query("snr > 2")
    #  TrackMate finds four spots in the first frame
    assert len(bright) == pytest.approx(4, abs=1)
