from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracking.atomic import atomic_path
from tracking.calibration.calibration import TITLES, Calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"shipped": "#56b4e9", "tuned": "#0072b2", "lap": "#999999"}


def save_calibration_figure(path: str | Path, calibration: Calibration, frame: np.ndarray) -> None:
    """A frame of the movie beside one that was simulated like it, their statistics, and the expected measures.

    Args:
        path: Of the picture; its suffix says the format, such as ``.png`` or ``.svg``.
        calibration: Of `calibrate`.
        frame: Of the movie, shape ``(y, x)`` or ``(z, y, x)``; a stack is shown as its brightest projection.

    Raises:
        TrackingError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    example = calibration.example
    size = example.frame_shape[-2:]
    corner = [(whole - part) // 2 for whole, part in zip(frame.shape[-2:], size, strict=True)]
    part = frame[..., corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    is_dark = example.model.dark
    pictures = [_flat(part, is_dark), _flat(example.frame(example.n_frames // 2), is_dark)]
    figure = Figure(figsize=(12, 9.5), layout="constrained")
    FigureCanvasAgg(figure)
    (left, right), (table, measures) = figure.subplots(2, 2, height_ratios=(1.25, 1))
    # One scale for both, from the movie alone: whatever differs is to be seen.
    low, high = np.percentile(pictures[0], (1, 99.8))
    for axes, picture, title in zip((left, right), pictures, ("the movie", "simulated like it"), strict=True):
        axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
        axes.set_title(title)
        axes.set_axis_off()
    _draw_table(table, calibration)
    _draw_measures(measures, calibration)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _flat(frame: np.ndarray, is_dark: bool) -> np.ndarray:
    values = frame.astype(np.float64)
    values[~np.isfinite(values)] = np.nanmedian(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0
    if values.ndim == 2:
        return values
    return np.asarray(values.min(axis=0) if is_dark else values.max(axis=0))


def _draw_table(axes: "Axes", calibration: Calibration) -> None:
    axes.set_axis_off()
    rows = [
        [one.title, f"{one.movie:.3g}", f"{one.simulated:.3g} ± {one.spread:.2g}", "" if one.agrees else "differs"]
        for one in calibration.likeness
    ]
    table = axes.table(
        rows,
        colLabels=["", "movie", "simulated", ""],
        loc="center",
        edges="horizontal",
        colWidths=[0.42, 0.2, 0.26, 0.12],
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    table.scale(1, 1.25)
    for (row, column), cell in table.get_celld().items():
        cell.set_text_props(ha="left" if column == 0 else "right")
        cell.set_edgecolor("#cccccc")
        if row and not calibration.likeness[row - 1].agrees:
            cell.get_text().set_color("#d55e00")
    axes.set_title("do the two look alike?")


def _draw_measures(axes: "Axes", calibration: Calibration) -> None:
    names = ("alpha", "beta", "jsc_theta")
    width = 0.8 / len(calibration.expected)
    for number, (tracker, measures) in enumerate(calibration.expected.items()):
        place = np.arange(len(names)) + (number - (len(calibration.expected) - 1) / 2) * width
        means = [measures[name].mean for name in names]
        label = TITLES[tracker] + (" (used)" if tracker == calibration.chosen else "")
        axes.bar(place, means, 0.9 * width, color=COLOURS[tracker], label=label)
        for x, name in zip(place, names, strict=True):
            values = measures[name].values
            axes.plot(np.full(len(values), x), values, "o", color="black", markersize=2.5, alpha=0.6)
            axes.annotate(f"{measures[name].mean:.2f}", (x, 0.02), ha="center", fontsize=8, color="white")
    axes.set_xticks(range(len(names)), ["alpha", "beta", "JSC theta"])
    axes.set_ylim(0, 1)
    axes.set_title(f"expected on movies like this one ({calibration.options.n_movies} simulated, a dot each)")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.08))
