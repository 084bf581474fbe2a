"""Reliability curves and coverage of the recurrent tracker as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from reliability import coverage, reliability_curve

from tracking.atomic import atomic_path

COLOURS = ("#1f4e79", "#c0504d", "#2e8b57", "#8064a2")
# A share of fewer says little.
LEAST_IN_BIN = 20
LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98])


def save_calibration_figure(path: Path, found: Mapping[str, Sequence[Mapping[str, np.ndarray]]]) -> None:
    """Draw the links, the tracks and the regions of every condition, all of its movies together."""
    figure = Figure(figsize=(13, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    links, tracks, regions = figure.subplots(1, 3)
    for colour, (condition, movies) in zip(COLOURS, found.items(), strict=False):
        for axes, name in ((links, "link"), (tracks, "track")):
            probability, is_true = np.concatenate([movie[name] for movie in movies]).T
            error = reliability_curve(probability, is_true, equal_mass=True).error
            label = f"{condition}, n = {len(probability):,}, ECE {error:.3f}"
            # Most probabilities are near 1, where all but one or two bins of equal mass lie.
            curve = reliability_curve(probability, is_true, equal_mass=False)
            shown = curve.count >= LEAST_IN_BIN
            axes.plot(curve.predicted[shown], curve.came_true[shown], "o-", color=colour, label=label, markersize=4)
        for name, style in (("next", "-"), ("gap", "--")):
            distances = [movie[name].T[0] if movie[name].ndim == 2 else movie[name] for movie in movies]
            n = sum(map(len, distances))
            pairs = [*zip(distances, movies, strict=True)]
            inside = [sum(coverage(d, int(m["n_axes"]), q) * len(d) for d, m in pairs if len(d)) for q in LEVELS]
            what = {"next": "next frame", "gap": "gap"}[name]
            regions.plot(
                *(LEVELS, np.array(inside) / max(n, 1), style),
                color=colour,
                label=f"{condition}, {what}, n = {n:,}",
            )
    _dress(links, "probability of a link", "share that is right", "Links, in bins of .1")
    _dress(tracks, "probability of a track", "share that is right", "Tracks, in bins of .1")
    _dress(regions, "probability of a region", "share of the particles in it", "Expected positions")
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=120)


def _dress(axes: Axes, x: str, y: str, title: str) -> None:
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, zorder=0)
    axes.set(xlabel=x, ylabel=y, title=title, xlim=(0, 1.01), ylim=(0, 1.01))
    axes.legend(fontsize=7, loc="lower right")
