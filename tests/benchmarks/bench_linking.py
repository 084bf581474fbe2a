"""Linking 1,000 particles a frame, beside trackpy: ``pytest -s tests/benchmarks/bench_linking.py``."""

from statistics import median
from time import process_time

import numpy as np
import pytest

from tracking.linking import LinkingOptions, estimate_search_radius, link

PARTICLES, SIDE, RADIUS = 1000, 512, 8


def brownian(n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames and positions of particles that diffuse by 2 px per frame and axis between walls."""
    steps = np.random.default_rng(0).normal(0, 2, (n_frames, PARTICLES, 2))
    steps[0] = np.random.default_rng(1).uniform(0, SIDE, steps[0].shape)
    positions = np.abs(steps.cumsum(axis=0)) % (2 * SIDE)
    positions = np.where(positions > SIDE, 2 * SIDE - positions, positions)
    return np.repeat(np.arange(n_frames), PARTICLES), positions.reshape(-1, 2)


@pytest.mark.parametrize("n_frames", [100, 200, 400])
@pytest.mark.parametrize("method", ["lap", "nearest"])
def test_time_grows_with_the_frames(benchmark, method, n_frames):
    frames, positions = brownian(n_frames)
    options = LinkingOptions(method=method, search_radius=RADIUS)
    benchmark.pedantic(link, (frames, positions, options), rounds=3, warmup_rounds=1)
    benchmark.extra_info["ms_per_frame"] = round(1000 * benchmark.stats.stats.min / n_frames, 2)


def test_estimate_of_the_radius(benchmark):
    frames, positions = brownian(100)
    benchmark.pedantic(estimate_search_radius, (frames, positions), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("radius", [RADIUS, None], ids=["given", "estimated"])
def test_share_of_the_time_trackpy_takes(benchmark, radius):
    """The two take turns, so that both see the machine equally busy; CPU seconds, median of the ratios."""
    frames, positions = brownian(100)
    own = LinkingOptions(method="lap", search_radius=radius)
    peer = LinkingOptions(method="trackpy", search_radius=RADIUS)

    def seconds(options: LinkingOptions) -> float:
        start = process_time()
        link(frames, positions, options)
        return process_time() - start

    seconds(own), seconds(peer)
    pairs = []
    benchmark.pedantic(lambda: pairs.append((seconds(own), seconds(peer))), rounds=5)
    share = median(one / other for one, other in pairs)
    benchmark.extra_info.update(share=round(share, 3), own=[one for one, _ in pairs], trackpy=[two for _, two in pairs])
    print(f"\nlap takes {share:.2f} of trackpy's time, radius {'estimated' if radius is None else 'given'}")
