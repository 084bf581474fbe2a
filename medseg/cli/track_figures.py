from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from tracking.tracks import Tracks

_SAMPLE = 400_000  # spots that displacements are drawn from
_MEANING = {"links": "both spots are one particle", "tracks": "it is a particle, not noise"}


def save_summary(path: Path, tracks: "Tracks", n_frames: int) -> None:
    """Track lengths, displacements between frames, mean squared displacement, and particles in every frame.

    Where they are known, the probabilities of links and of tracks too. Lengths are in micrometres if the pixel size is
    known; in a volume they are those in the plane if pixel size or distance of the slices is not.
    """
    from matplotlib.figure import Figure

    spots = tracks.spots
    if spots.empty:
        figure = Figure(figsize=(10, 7))
        figure.text(0.5, 0.5, "no tracks", ha="center", va="center", fontsize=16)
        figure.savefig(path, dpi=130)
        return
    is_sure = "link_probability" not in spots
    figure = Figure(figsize=(10 if is_sure else 14.5, 7), layout="constrained")
    (lengths, steps, *links), (msd, counts, *real) = figure.subplots(2, 2 if is_sure else 3)
    if not is_sure:
        measured = spots.loc[~spots["virtual"], "link_probability"].dropna().to_numpy()
        _draw_probabilities(links[0], measured, "links")
        _draw_probabilities(real[0], spots.groupby("particle")["track_probability"].first().to_numpy(), "tracks")
    _draw_lengths(lengths, spots)
    _draw_displacements(steps, msd, _some_tracks(tracks))
    present = np.bincount(spots["frame"].to_numpy(), minlength=n_frames)
    counts.plot(present, color="#0072b2", linewidth=1)
    counts.set(xlabel="frame", ylabel="particles", title="particles in every frame", ylim=(0, None))
    figure.savefig(path, dpi=130)


def _some_tracks(tracks: "Tracks") -> "Tracks":
    """Of a long movie some of its particles, evenly chosen: figures need no millions, and memory is short."""
    spots = tracks.spots
    step = -(-len(spots) // _SAMPLE)
    if step <= 1:
        return tracks
    return replace(tracks, spots=spots[spots["particle"] % step == 0].reset_index(drop=True))


def _draw_lengths(axes: "Axes", spots: pd.DataFrame) -> None:
    lengths = spots.groupby("particle").size().to_numpy()
    axes.set(xlabel="frames", ylabel="tracks", title=f"length of {len(lengths)} tracks")
    if len(lengths):
        width = -(-int(lengths.max()) // 40)  # whole frames, so that no bin holds more lengths than its neighbour
        axes.hist(lengths, bins=np.arange(0.5, lengths.max() + width + 0.5, width).tolist(), color="#009e73")
        axes.axvline(float(np.median(lengths)), color="black", linestyle="--", label=f"median {np.median(lengths):g}")
        axes.legend(frameon=False)


def _draw_displacements(steps: "Axes", msd: "Axes", tracks: "Tracks") -> None:
    """Displacements from frame to frame, and their mean squares over longer lags, in one unit."""
    from tracking.motion import ensemble_msd
    from tracking.motion.paths import measured_paths

    pixel_size, z_step, frame_interval = map(_usable, (tracks.pixel_size, tracks.z_step, tracks.frame_interval))
    place = ""
    if "z" in tracks.spots and not (pixel_size and z_step):
        tracks, place = replace(tracks, spots=tracks.spots.drop(columns="z")), " in the plane"
    unit = "µm" if pixel_size else "px"
    paths = measured_paths(tracks, pixel_size or 1.0, z_step)
    follows = (np.diff(paths.code) == 0) & (np.diff(paths.frame) == 1)
    moved = np.linalg.norm(np.diff(paths.positions, axis=0), axis=1)[follows]
    steps.set(xlabel=f"displacement from frame to frame{place} ({unit})", ylabel="links", title="displacements")
    if len(moved):
        steps.hist(moved, bins=60, color="#cc79a7")
    table = ensemble_msd(tracks, pixel_size or 1.0, frame_interval or 1.0, z_step=z_step)
    table = table[table["msd_um2"] > 0]
    msd.set(
        xlabel="lag (s)" if frame_interval else "lag (frames)",
        ylabel=f"MSD{place} ({unit}²)",
        title="mean squared displacement",
    )
    if len(table):
        msd.loglog(table["lag_s"], table["msd_um2"], "o-", color="#0072b2", markersize=3)
        for axis in (msd.xaxis, msd.yaxis):
            _label_plainly(axis)


def _usable(unit: float | None) -> float | None:
    """None where a file says nothing, or what no microscope can do."""
    from tracking.motion.units import LARGEST_UNIT, SMALLEST_UNIT

    return unit if unit and SMALLEST_UNIT <= unit <= LARGEST_UNIT else None


def _label_plainly(axis: "Axis") -> None:
    """Numbers such as 0.5, 1 and 2 along a logarithmic axis, not powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_probabilities(axes: "Axes", values: npt.NDArray[np.float64], name: str) -> None:
    values = values[np.isfinite(values)]
    axes.set(xlabel=f"probability, {_MEANING[name]}", ylabel=name, title=f"how sure {name} are", xlim=(0, 1))
    if len(values):
        axes.hist(values, bins=np.linspace(0, 1, 41).tolist(), color="#e69f00")
        axes.set_yscale("log")
        axes.axvline(float(values.mean()), color="black", linestyle="--", label=f"mean {values.mean():.3f}")
        axes.legend(frameon=False, loc="upper left")
