"""Frames per second of detection beside trackpy's `locate`, on the same frame and the same core.

Run as ``pytest tests/benchmarks/bench_detection.py``. The bars: positions without the fit at least twice as fast as
`locate`, with the fit no slower, and a Jaccard index of detection no lower; the accuracy of the fit against the
Cramer-Rao bound is a test of its own. trackpy's parameters are those that suit these frames best. Where numba is
installed trackpy uses it and is several times faster.
"""

import warnings

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import ndtr

from tracking.detection import DetectionOptions, prepare_detector

SHAPE, N_SPOTS, SIGMA, SNR, BACKGROUND = (512, 512), 500, 0.85, 4.0, 10.0
GATES = (2.0, 5.0)


def simulated(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.uniform(-0.5, np.array(SHAPE) - 0.5, (N_SPOTS, 2))
    peak = (SNR**2 + SNR * np.sqrt(SNR**2 + 4 * BACKGROUND)) / 2
    edges = np.arange(SHAPE[0] + 1) - 0.5
    y, x = (np.diff(ndtr((edges - centre[:, None]) / SIGMA)) for centre in truth.T)
    mass = peak / (2 * ndtr(0.5 / SIGMA) - 1) ** 2
    return truth, random.poisson(BACKGROUND + mass * y.T @ x).astype(np.uint8)


def jaccard(truth: np.ndarray, found: np.ndarray, gate: float) -> float:
    cost = np.minimum(cdist(truth, found), gate)
    matched = (cost[linear_sum_assignment(cost)] < gate).sum()
    return matched / (len(truth) + len(found) - matched)


def locate(frame):
    import trackpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trackpy.locate(frame, 5, minmass=31, separation=2, noise_size=0.7)


@pytest.fixture(scope="module")
def movie():
    return [simulated(seed) for seed in range(5)]


@pytest.mark.parametrize("way", ["locate", "log", "log and fit", "dog"])
def test_detection(benchmark, movie, way):
    frames = [frame for _, frame in movie]
    if way == "locate":
        detect = locate
    else:
        method, fit = way.split()[0], way.endswith("fit")
        detect = prepare_detector(frames, DetectionOptions(method=method, fit=fit)).detect
    benchmark.group = "512x512, 500 spots"
    benchmark.pedantic(lambda: [detect(frame) for frame in frames], rounds=5, warmup_rounds=1)
    benchmark.extra_info["frames_per_second"] = len(frames) / benchmark.stats.stats.median
    for gate in GATES:
        found = [jaccard(truth, detect(frame)[["y", "x"]].to_numpy(), gate) for truth, frame in movie]
        benchmark.extra_info[f"jaccard_within_{gate:g}_px"] = float(np.mean(found))


def test_ratios_in_one_run(movie, capsys):
    """Prints the ratios, each frame by each way in turn, so that a busy machine slows all alike."""
    from time import perf_counter

    frames = [frame for _, frame in movie]
    ways = {"locate": locate}
    for name, fit in (("log", False), ("log and fit", True)):
        ways[name] = prepare_detector(frames, DetectionOptions(fit=fit)).detect
    seconds = {name: [] for name in ways}
    for _ in range(4):
        for frame in frames:
            for name, detect in ways.items():
                start = perf_counter()
                detect(frame)
                seconds[name].append(perf_counter() - start)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    with capsys.disabled():
        print()
        for name, detect in ways.items():
            index = [
                np.mean([jaccard(truth, detect(frame)[["y", "x"]].to_numpy(), gate) for truth, frame in movie])
                for gate in GATES
            ]
            print(
                f"{name:12} {1 / medians[name]:6.1f} frames/s, {medians['locate'] / medians[name]:5.2f} times locate, "
                f"Jaccard {index[0]:.3f} within 2 px and {index[1]:.3f} within 5 px"
            )
