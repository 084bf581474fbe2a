from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracking.atomic import atomic_path
from tracking.motion.bootstrap import Estimate
from tracking.motion.classification import CLASSES
from tracking.motion.report import MotionReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DATA, MODEL = "#1f4e79", "#c0504d"
COLOURS = {"brownian": "#7f7f7f", "directed": "#2e8b57", "confined": "#8064a2", "too short": "#d9d9d9"}


def save_motion_figure(path: str | Path, report: MotionReport) -> None:
    """Draw a report: MSD and its fit, displacements, D and kinds of the tracks.

    Args:
        path: of the picture; its suffix says the format, such as ``.png`` or ``.svg``.
        report: of `analyse_motion`.

    Raises:
        TrackingError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    ((msd, displacements), (coefficients, kinds)) = figure.subplots(2, 2)
    _draw_msd(msd, report)
    _draw_displacements(displacements, report)
    _draw_coefficients(coefficients, report)
    _draw_kinds(kinds, report)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_msd(axes: "Axes", report: MotionReport) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    msd, fit = report.msd, report.diffusion
    axes.set(xlabel="lag (s)", ylabel="mean squared displacement (µm²)", title="Mean squared displacement")
    positive = msd[msd["msd_um2"] > 0]
    if not len(positive):
        return _say_nothing(axes)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FormatStrFormatter("%g"))
        axis.set_minor_formatter(NullFormatter())
    if positive["low_um2"].notna().any():
        axes.fill_between(
            positive["lag_s"],
            positive["low_um2"],
            positive["high_um2"],
            color=DATA,
            alpha=0.2,
            lw=0,
            label="95 % interval",
        )
    axes.plot(positive["lag_s"], positive["msd_um2"], "o", color=DATA, ms=4, label="all tracks")
    used = positive[(positive["lag"] >= fit.first_lag) & (positive["lag"] <= fit.last_lag) & (positive["fit_um2"] > 0)]
    if len(used):
        axes.plot(used["lag_s"], used["fit_um2"], color=MODEL, label=f"D = {_text(fit.coefficient_um2_s, 'µm²/s')}")
    axes.plot([], [], " ", label=f"alpha = {_text(fit.exponent)}")
    axes.plot([], [], " ", label=f"localisation error = {_text(fit.localisation_um, 'µm')}")
    axes.legend(frameon=False, fontsize=8)


def _draw_displacements(axes: "Axes", report: MotionReport) -> None:
    table, lag = report.displacements, report.displacement_lag
    frames = "one frame" if lag == 1 else f"{lag} frames"
    axes.set(xlabel="displacement along an axis (µm)", ylabel="density (1/µm)", title=f"Displacements over {frames}")
    if not len(table):
        return _say_nothing(axes)
    x = table["displacement_um"].to_numpy()
    axes.bar(
        x, table["density_per_um"], width=x[1] - x[0], color=DATA, alpha=0.5, label=f"{table['count'].sum():,} measured"
    )
    if table["gaussian_per_um"].notna().all():
        axes.plot(x, table["gaussian_per_um"], color=MODEL, label="Gaussian of D and localisation error")
    peak = max(table["density_per_um"].max(), np.nan_to_num(table["gaussian_per_um"].max()))
    axes.set(yscale="log", ylim=(peak / 1e4, peak * 20))
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _draw_coefficients(axes: "Axes", report: MotionReport) -> None:
    axes.set(xlabel="D of a track (µm²/s)", ylabel="tracks", title="Diffusion coefficients")
    tracks = report.tracks[np.isfinite(report.tracks["d_um2_s"])]
    tracks = tracks[tracks["motion"] != "too short"]
    if not len(tracks):
        return _say_nothing(axes, "no track of 10 spots")
    low, high = np.percentile(tracks["d_um2_s"], [0.5, 99.5])
    edges = np.linspace(low, max(high, low + 1e-9 + abs(low) * 1e-6), 41)
    names = [name for name in CLASSES if (tracks["motion"] == name).any()]
    values = [np.clip(tracks.loc[tracks["motion"] == name, "d_um2_s"], edges[0], edges[-1]) for name in names]
    axes.hist(values, edges.tolist(), stacked=True, color=[COLOURS[name] for name in names], label=names)
    if np.isfinite(report.diffusion.coefficient_um2_s.value):
        axes.axvline(report.diffusion.coefficient_um2_s.value, color=MODEL, label="D of all tracks")
    axes.legend(frameon=False, fontsize=8)


def _draw_kinds(axes: "Axes", report: MotionReport) -> None:
    axes.set(xlabel="tracks", title="Kinds of motion")
    names = list(report.counts)[::-1]
    numbers = [report.counts[name] for name in names]
    bars = axes.barh(names, numbers, color=[COLOURS[name] for name in names])
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.15)


def _say_nothing(axes: "Axes", text: str = "nothing to show") -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#7f7f7f")


def _text(estimate: Estimate, unit: str = "") -> str:
    if not np.isfinite(estimate.value):
        return "undefined"
    interval = f" [{estimate.low:.3g}, {estimate.high:.3g}]" if estimate.has_interval else ""
    return f"{estimate.value:.3g}{interval} {unit}".rstrip()
