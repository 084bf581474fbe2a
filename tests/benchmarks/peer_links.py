"""Links of other programs, each run in an environment of its own that needs numpy, pandas and the program alone.

``python peer_links.py`` reads one request a line, JSON: ``{"method": ..., "options": {...}, "spots": FILE.npz,
"output": FILE.npy}``. It links the array ``pixels`` of the file (positions in pixels, shape (n, 2) or (n, 3), with
``frame`` ascending), writes the particle of every spot, -1 for none, and answers with one line,
``{"seconds": CPU seconds of the linking, "failure": null or a sentence}``.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

Spots = Mapping[str, np.ndarray]
Options = Mapping[str, Any]
Linker = Callable[[Spots, Options], np.ndarray]


def link_trackpy(spots: Spots, options: Options) -> np.ndarray:
    """trackpy's `link`; adaptive where ``stop`` is given, as a share of the radius."""
    import trackpy

    radius = options["radius"]
    adaptive = (
        {"adaptive_stop": options["stop"] * radius, "adaptive_step": options["step"]} if "stop" in options else {}
    )
    table, axes = _table(spots)
    linked = trackpy.link(table, radius, pos_columns=axes, memory=options["memory"], **adaptive)
    return linked["particle"].reindex(table.index).to_numpy(np.int64)


def link_trackpy_velocity(spots: Spots, options: Options) -> np.ndarray:
    """trackpy's `NearestVelocityPredict`: a particle goes on as the nearest one, mostly itself, moved last."""
    import trackpy

    table, axes = _table(spots)
    predictor = trackpy.predict.NearestVelocityPredict(span=options["span"])
    linked = predictor.link_df(table, options["radius"], pos_columns=axes, memory=options["memory"])
    return linked["particle"].reindex(table.index).to_numpy(np.int64)


def link_laptrack(spots: Spots, options: Options) -> np.ndarray:
    """laptrack, costs being squared distances; ``memory`` is the number of frames a gap may have."""
    import networkx
    from laptrack import LapTrack

    frame, positions = spots["frame"], spots["pixels"]
    cutoff = options["radius"] ** 2
    tracker = LapTrack(
        cutoff=cutoff,
        # Its count of frames is the step from the last spot to the next one.
        gap_closing_cutoff=cutoff * options["gap_share"] ** 2 if options["memory"] else False,
        gap_closing_max_frame_count=options["memory"] + 1,
        alternative_cost_percentile=options["percentile"],
    )
    first = np.searchsorted(frame, np.arange(frame[-1] + 2))
    tree = tracker.predict([positions[start:end] for start, end in pairwise(first)])
    particle = np.full(len(frame), -1)
    for number, nodes in enumerate(networkx.weakly_connected_components(tree)):
        for at, index in nodes:
            particle[first[at] + index] = number
    return particle


def link_btrack(spots: Spots, options: Options) -> np.ndarray:
    """btrack with the motion model of its example for particles, in pixels.

    Its examples give ``G``, from which it makes a process noise that is the same on all axes; here the axes are
    independent, which links better. With ``velocity`` false its example's model without motion is used.
    """
    import btrack

    frame, positions = spots["frame"], spots["pixels"]
    xyz = np.zeros((len(frame), 3))
    xyz[:, : positions.shape[1]] = positions[:, ::-1]
    low, high = xyz.min(axis=0) - 100, xyz.max(axis=0) + 100
    objects = {"t": frame, "x": xyz[:, 0], "y": xyz[:, 1], "z": xyz[:, 2]}
    with btrack.BayesianTracker(verbose=False) as tracker:
        tracker.configure(_btrack_configuration(options))
        tracker.append(objects)
        tracker.volume = tuple(zip(low.tolist(), high.tolist(), strict=True))
        tracker.track()
        if options["optimise"]:
            tracker.optimise()
        particle = np.full(len(frame), -1)
        for number, references in enumerate(tracker.refs):
            # Numbers below 0 are positions that btrack made up.
            particle[[reference for reference in references if reference >= 0]] = number
    return particle


def _btrack_configuration(options: Options) -> dict[str, Any]:
    step = np.eye(6)
    if options["velocity"]:
        step[:3, 3:] = np.eye(3)
    acceleration = options["process"] ** 2 * np.array([[0.25, 0.5], [0.5, 1.0]])
    return {
        "name": "particles",
        "motion_model": {
            "name": "particle_motion",
            "measurements": 3,
            "states": 6,
            "A": step.ravel().tolist(),
            "H": np.eye(3, 6).ravel().tolist(),
            "P": (options["start"] ** 2 * np.diag([0.1] * 3 + [1.0] * 3)).ravel().tolist(),
            "Q": np.kron(acceleration, np.eye(3)).ravel().tolist(),
            "R": (options["measurement"] ** 2 * np.eye(3)).ravel().tolist(),
            "dt": 1.0,
            "accuracy": options["accuracy"],
            "max_lost": options["memory"],
            "prob_not_assign": options["prob_not_assign"],
        },
        "hypothesis_model": {
            "name": "particle_hypothesis",
            "hypotheses": ["P_FP", "P_init", "P_term", "P_link"],
            "lambda_time": 5.0,
            "lambda_dist": 3.0,
            "lambda_link": options["radius"],
            "lambda_branch": 50.0,
            "eta": 1e-10,
            "theta_dist": 20.0,
            "theta_time": 5.0,
            "dist_thresh": 2 * options["radius"],
            "time_thresh": 2,
            "apop_thresh": 5,
            "segmentation_miss_rate": 0.1,
            "apoptosis_rate": 0.001,
            "relax": True,
        },
        "max_search_radius": options["radius"],
        # The exact update takes time with the cube of the particles of a frame.
        "update_method": 1,
    }


def _table(spots: Spots) -> tuple[Any, list[str]]:
    import pandas as pd

    axes = ["z", "y", "x"][-spots["pixels"].shape[1] :]
    return pd.DataFrame(spots["pixels"], columns=axes).assign(frame=spots["frame"]), axes


LINKERS: dict[str, Linker] = {
    "trackpy": link_trackpy,
    "trackpy-adaptive": link_trackpy,
    "trackpy-velocity": link_trackpy_velocity,
    "laptrack": link_laptrack,
    "btrack": link_btrack,
}


def serve(linkers: Mapping[str, Linker]) -> None:
    """Answer requests until the standard input ends."""
    # What a program prints goes to the error stream, so that the answers stand alone.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    warm = set()
    for line in sys.stdin:
        request = json.loads(line)
        linker = linkers[request["method"]]
        with np.load(request["spots"]) as file:
            spots = dict(file)
        if linker not in warm:
            # The first call imports the program, which is no part of the linking.
            few = slice(np.searchsorted(spots["frame"], 3))
            _answer(linker, {**spots, "frame": spots["frame"][few], "pixels": spots["pixels"][few]}, request)
            warm.add(linker)
        print(json.dumps(_answer(linker, spots, request)), file=answers, flush=True)


def _answer(linker: Linker, spots: Spots, request: Mapping[str, Any]) -> dict[str, Any]:
    start = time.process_time()
    try:
        particle = linker(spots, request["options"])
    except Exception as error:
        failure = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        return {"seconds": time.process_time() - start, "failure": failure}
    seconds = time.process_time() - start
    np.save(request["output"], particle)
    return {"seconds": seconds, "failure": None}


if __name__ == "__main__":
    serve(LINKERS)
