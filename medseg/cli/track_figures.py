from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tracking.tracks import Tracks

_SAMPLE = 400_000  # spots that displacements are drawn from
_MEANING = {"links": "both spots are one particle", "tracks": "it is a particle, not noise"}


def save_summary(path: Path, tracks: "Tracks", n_frames: int) -> None:
    """Track lengths, displacements between frames, mean squared displacement, and particles in every frame.

    Where they are known, the probabilities of links and of tracks too.
    """
    from matplotlib.figure import Figure

    spots = tracks.spots
    is_sure = "link_probability" not in spots
    figure = Figure(figsize=(10 if is_sure else 14.5, 7), layout="constrained")
    (lengths, steps, *links), (msd, counts, *real) = figure.subplots(2, 2 if is_sure else 3)
    if not is_sure:
        measured = spots.loc[~spots["virtual"], "link_probability"].dropna().to_numpy()
        _draw_probabilities(links[0], measured, "links")
        _draw_probabilities(real[0], spots.groupby("particle")["track_probability"].first().to_numpy(), "tracks")
    some = _some_tracks(tracks)
    scale, unit = (tracks.pixel_size, "µm") if tracks.pixel_size else (1.0, "px")
    _draw_lengths(lengths, spots)
    _draw_steps(steps, some.spots, scale, unit)
    _draw_msd(msd, some)
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


def _draw_steps(axes: "Axes", spots: pd.DataFrame, scale: float, unit: str) -> None:
    measured = spots[~spots["virtual"]] if "virtual" in spots else spots
    ordered = measured.sort_values(["particle", "frame"], kind="stable")
    follows = ((ordered["particle"].diff() == 0) & (ordered["frame"].diff() == 1)).to_numpy()
    moved = np.hypot(ordered["x"].diff().to_numpy(), ordered["y"].diff().to_numpy())[follows] * scale
    axes.set(xlabel=f"displacement from frame to frame ({unit})", ylabel="links", title="displacements")
    if len(moved):
        axes.hist(moved, bins=60, color="#cc79a7")


def _draw_probabilities(axes: "Axes", values: npt.NDArray[np.float64], name: str) -> None:
    values = values[np.isfinite(values)]
    axes.set(xlabel=f"probability, {_MEANING[name]}", ylabel=name, title=f"how sure {name} are", xlim=(0, 1))
    if len(values):
        axes.hist(values, bins=np.linspace(0, 1, 41).tolist(), color="#e69f00")
        axes.set_yscale("log")
        axes.axvline(float(values.mean()), color="black", linestyle="--", label=f"mean {values.mean():.3f}")
        axes.legend(frameon=False, loc="upper left")


def _draw_msd(axes: "Axes", tracks: "Tracks") -> None:
    from tracking.motion import ensemble_msd

    known = bool(tracks.pixel_size and tracks.frame_interval)
    axes.set(
        xlabel="lag (s)" if known else "lag (frames)",
        ylabel="MSD (µm²)" if known else "MSD (px²)",
        title="mean squared displacement",
    )
    if tracks.spots.empty:
        return
    table = ensemble_msd(
        tracks,
        pixel_size=tracks.pixel_size if known else 1.0,
        frame_interval=tracks.frame_interval if known else 1.0,
        z_step=tracks.z_step if known else 1.0,
    )
    table = table[table["msd_um2"] > 0]
    if len(table):
        axes.loglog(table["lag_s"], table["msd_um2"], "o-", color="#0072b2", markersize=3)
