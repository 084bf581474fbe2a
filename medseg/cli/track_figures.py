from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tracking.io.movie import Movie
    from tracking.tracks import Tracks

_TAIL = 10  # frames of the past that an overlay shows
_ZOOM = 4  # the second panel shows a quarter of the field's width
_SAMPLE = 400_000  # spots that displacements are drawn from


def save_overlay(path: Path, tracks: "Tracks", movie: "Movie", spot_sigma: float) -> None:
    """The frame with most spots in the movie's middle third, its tracks' last ten frames, and a part of it enlarged.

    A circle, of three standard deviations of a spot in pixels, is a detected spot, a cross a filled one. A volume is
    shown as its brightest projection.
    """
    from matplotlib.figure import Figure

    spots = tracks.spots
    index = _busiest(spots["frame"].to_numpy(), movie.n_frames)
    frame = movie.frame(index).astype(np.float32)
    frame[~np.isfinite(frame)] = np.nanmin(frame[np.isfinite(frame)], initial=0)
    picture = frame.max(axis=0) if movie.is_3d else frame
    recent = spots[(spots["frame"] > index - _TAIL) & (spots["frame"] <= index)]
    centre = _centre(recent[recent["frame"] == index], picture.shape)
    height, width = (max(length / _ZOOM, 32.0) for length in picture.shape)
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    whole, part = figure.subplots(1, 2)
    for axes, scale in ((whole, 0.6), (part, 1.6)):
        _draw(axes, picture, recent, index, scale, 3 * spot_sigma)
    part.set_xlim(centre[1] - width / 2, centre[1] + width / 2)
    part.set_ylim(centre[0] + height / 2, centre[0] - height / 2)
    corner = (centre[1] - width / 2, centre[0] - height / 2)
    from matplotlib.patches import Rectangle

    whole.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=0.8))
    whole.set_title(f"frame {index} of {movie.n_frames}: {(recent['frame'] == index).sum()} particles")
    part.set_title(f"the box enlarged; lines are the last {_TAIL} frames")
    figure.savefig(path, dpi=130)


def save_summary(path: Path, tracks: "Tracks", n_frames: int) -> None:
    """Track lengths, displacements between frames, mean squared displacement, and particles in every frame."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    (lengths, steps), (msd, counts) = figure.subplots(2, 2)
    spots = tracks.spots
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


def _busiest(frames: npt.NDArray[np.int64], n_frames: int) -> int:
    """The frame with most spots in the middle third."""
    first, last = n_frames // 3, max(2 * n_frames // 3, n_frames // 3 + 1)
    return first + int(np.argmax(np.bincount(frames, minlength=n_frames)[first:last]))


def _centre(spots: pd.DataFrame, shape: tuple[int, ...]) -> tuple[float, float]:
    """Where the enlarged part lies: at the spot nearest to the middle of all."""
    if spots.empty:
        return shape[0] / 2, shape[1] / 2
    y, x = spots["y"].to_numpy(), spots["x"].to_numpy()
    nearest = int(np.argmin(np.hypot(y - np.median(y), x - np.median(x))))
    return float(y[nearest]), float(x[nearest])


def _draw(
    axes: "Axes",
    picture: npt.NDArray[np.float32],
    recent: pd.DataFrame,
    index: int,
    linewidth: float,
    radius: float,
) -> None:
    from matplotlib import colormaps
    from matplotlib.collections import EllipseCollection, LineCollection

    low, high = np.percentile(picture, (1, 99.8))
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    palette = colormaps["tab20"].colors  # type: ignore[attr-defined]
    lines, colours = [], []
    for particle, rows in recent.groupby("particle"):
        lines.append(rows[["x", "y"]].to_numpy())
        colours.append(palette[int(str(particle)) % len(palette)])
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=linewidth))
    now = recent[recent["frame"] == index]
    virtual = now["virtual"] if "virtual" in now else pd.Series(False, now.index)
    axes.add_collection(
        EllipseCollection(
            2 * radius,
            2 * radius,
            0,
            units="xy",
            offsets=now[["x", "y"]][~virtual].to_numpy(),
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors="#f0e442",
            linewidths=linewidth / 2,
        )
    )
    axes.scatter(now["x"][virtual], now["y"][virtual], s=14 * linewidth**2, marker="x", color="#d55e00", linewidths=1)
    axes.set_axis_off()


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
