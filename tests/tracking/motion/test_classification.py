import numpy as np
import pytest

from tracking.motion import classify_motion
from tracking.tracks import Tracks


def shares(tracks):
    return classify_motion(tracks)["motion"].value_counts(normalize=True).to_dict()


BROWNIAN = [
    {},
    {"error": 0.05},
    {"error": 0.2},
    {"error": 0.05, "gaps": 0.2},
    {"exposure": 0.05},
    {"error": 0.05, "n_axes": 3},
    {"diffusion": 0.0, "error": 0.05},
]


@pytest.mark.parametrize("kind", BROWNIAN)
def test_few_brownian_tracks_are_called_anything_else(simulate, kind):
    # 5 percent at most are meant to be; of 500 tracks a share has a standard deviation of 1 percent.
    assert shares(simulate(11, 500, 30, **kind)).get("brownian", 0) > 0.92


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROWNIAN)
@pytest.mark.parametrize("n_frames", [12, 20, 50, 100, 300])
def test_false_alarms_at_many_lengths(simulate, kind, n_frames):
    found = shares(simulate(99, 3000, n_frames, **kind))
    assert found.get("directed", 0) < 0.036
    assert found.get("confined", 0) < 0.036


@pytest.mark.parametrize(
    ("motion", "kind", "n_frames", "least"),
    [
        ("directed", {"speed": 2.0, "error": 0.05}, 20, 0.5),
        ("directed", {"speed": 1.0, "error": 0.05}, 50, 0.5),
        ("directed", {"speed": 1.0, "error": 0.05, "gaps": 0.1}, 100, 0.9),
        ("confined", {"relaxation": 10.0, "error": 0.03}, 20, 0.15),
        ("confined", {"relaxation": 10.0, "error": 0.03}, 50, 0.8),
        ("confined", {"relaxation": 4.0, "error": 0.03, "gaps": 0.1}, 100, 0.9),
        ("directed", {"speed": 2.0, "error": 0.05, "n_axes": 3}, 50, 0.9),
    ],
)
def test_others_are_recognised_where_tracks_are_long_enough(simulate, motion, kind, n_frames, least):
    found = shares(simulate(5, 200, n_frames, **kind))
    assert found.get(motion, 0) > least
    assert found.get({"directed": "confined", "confined": "directed"}[motion], 0) < 0.02


def test_table(simulate):
    table = classify_motion(simulate(3, 30, 100, speed=2.0))
    assert list(table) == ["particle", "n_spots", "motion", "moves", "velocity_um_s", "trap_um"]
    assert table["motion"].eq("directed").all()
    assert table["velocity_um_s"].mean() == pytest.approx(2.0, rel=0.1)
    assert table["trap_um"].isna().all()
    trapped = classify_motion(simulate(3, 30, 100, relaxation=10.0))
    assert trapped["trap_um"].median() == pytest.approx(0.1, rel=0.2)


def test_what_stands_still_does_not_move(simulate):
    assert classify_motion(simulate(1, 500, 20, diffusion=0.0, error=0.05))["moves"].mean() < 0.08
    assert classify_motion(simulate(1, 500, 20, error=0.05))["moves"].mean() > 0.97


def test_nine_spots_are_too_short(tracks_of):
    rows = [(f, p, np.sin(f * 3 + p), np.cos(f * 5 - p)) for p, n in ((0, 9), (1, 10)) for f in range(n)]
    assert (classify_motion(tracks_of(rows))["motion"] == "too short").tolist() == [True, False]


def test_identical_positions_and_perfect_lines(tracks_of):
    rows = [(f, 0, 5, 5) for f in range(20)] + [(f, 1, f, -2 * f) for f in range(20)]
    table = classify_motion(tracks_of(rows))
    assert table["motion"].tolist() == ["brownian", "directed"]
    assert table["moves"].tolist() == [False, True]


def test_where_a_particle_is_and_which_way_it_goes_does_not_matter(simulate):
    tracks = simulate(8, 60, 30, speed=1.0, error=0.03)
    spots = tracks.spots
    turned = tracks.with_spots(spots.assign(x=300 - spots["y"], y=spots["x"] + 1000))
    assert classify_motion(turned)["motion"].tolist() == classify_motion(tracks)["motion"].tolist()


def test_no_tracks():
    assert len(classify_motion(Tracks.empty(), 1, 1)) == 0
