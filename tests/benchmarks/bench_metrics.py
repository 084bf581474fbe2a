"""Scoring a dense movie: ``pytest tests/benchmarks/bench_metrics.py``."""

import numpy as np
import pandas as pd
import pytest

from tracking.metrics import score_detections, score_tracks
from tracking.tracks import Tracks

FRAMES, SIDE, MEAN_LENGTH = 100, 512, 17


def movie(n_particles: int, seed: int) -> Tracks:
    """Brownian particles of 2 px per step and axis that live 17 frames on average, 1,000 a frame for 6,000 of them."""
    rng = np.random.default_rng(seed)
    length = np.minimum(rng.geometric(1 / (MEAN_LENGTH - 1), n_particles) + 1, FRAMES)
    start = (rng.random(n_particles) * (FRAMES - length + 1)).astype(int)
    particle = np.repeat(np.arange(n_particles), length)
    begin = np.repeat(np.cumsum(length) - length, length)
    walk = rng.normal(0, 2, (len(particle), 2)).cumsum(axis=0)
    place = rng.uniform(0, SIDE, (n_particles, 2))[particle] + walk - walk[begin]
    frame = start[particle] + np.arange(len(particle)) - begin
    return Tracks.create(pd.DataFrame({"frame": frame, "particle": particle, "x": place[:, 0], "y": place[:, 1]}))


def tracked(truth: Tracks, seed: int) -> Tracks:
    """A tracker's work: half a pixel of noise, 5 percent of the points missed, one particle in six broken in two."""
    rng = np.random.default_rng(seed)
    spots = truth.spots
    spots = spots.assign(x=spots["x"] + rng.normal(0, 0.5, len(spots)), y=spots["y"] + rng.normal(0, 0.5, len(spots)))
    spots = spots[rng.random(len(spots)) > 0.05]
    cut = rng.integers(0, FRAMES, int(spots["particle"].max()) + 1)
    is_late = spots["frame"].to_numpy() >= cut[spots["particle"].to_numpy()]
    return Tracks.create(spots.assign(particle=np.where(is_late, spots["particle"] + len(cut), spots["particle"])))


@pytest.mark.parametrize("candidate", ["tracked", "unrelated"])
def test_score_tracks_6000_against_6000(benchmark, candidate):
    truth = movie(6000, seed=1)
    found = tracked(truth, seed=2) if candidate == "tracked" else movie(6000, seed=3)
    score = benchmark(score_tracks, truth, found)
    benchmark.extra_info.update(reference=score.n_reference, candidate=score.n_candidate, alpha=score.alpha)


def test_score_detections_of_100_frames_of_1000(benchmark):
    truth = movie(6000, seed=1)
    score = benchmark(score_detections, truth.spots, tracked(truth, seed=2).spots)
    benchmark.extra_info.update(points=score.n_reference, f1=score.f1)
