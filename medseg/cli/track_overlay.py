from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from tracking.io.movie import Movie
    from tracking.tracks import Tracks

_TAIL = 10  # frames of the past that an overlay shows
_ZOOM = 4  # the second panel shows a quarter of the field's width
_DETECTED, _FILLED, _UNLINKED = "#f0e442", "#d55e00", "#c0c0c0"
# Of `tab20` those that show on the dark ground and are neither grey nor like the yellow and the orange above.
_PALETTE = (0, 1, 4, 5, 7, 8, 9, 11, 12, 13, 18, 19)
_REGION = 0.95  # probability that a filled point's ellipse holds the particle
_FAINTEST = 0.4  # opacity of a link that cannot be


def save_overlay(
    path: Path,
    tracks: "Tracks",
    movie: "Movie",
    spot_sigma: float,
    *,
    unlinked: pd.DataFrame | None = None,
    seen: str = "detected",
) -> None:
    """The frame with most spots in the movie's middle third, its tracks' last ten frames, and a part of it enlarged.

    A circle, of three standard deviations of a spot in pixels, is a detected spot, a cross a filled one, with the
    ellipse that holds the particle with a probability of 95 percent where that is known. The fainter a line, the less
    probable the link; lines lead from parents to children too. A volume is shown as its brightest projection.

    Args:
        path: The figure.
        tracks: Of the movie.
        movie: Its frames are the ground.
        spot_sigma: Standard deviation of a spot in pixels.
        unlinked: Frame, y and x of spots that were found but are in no track: grey circles.
        seen: What the circles of the tracks are called.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    spots = tracks.spots
    index = _busiest(spots["frame"].to_numpy(), movie.n_frames)
    frame = movie.frame(index).astype(np.float32)
    frame[~np.isfinite(frame)] = np.nanmin(frame[np.isfinite(frame)], initial=0)
    picture = frame.max(axis=0) if movie.is_3d else frame
    recent = spots[(spots["frame"] > index - _TAIL) & (spots["frame"] <= index)]
    now = recent[recent["frame"] == index]
    missed = now[_is_virtual(now)]
    loose = unlinked[unlinked["frame"] == index] if unlinked is not None else now.head(0)
    # What was not seen is what is to be looked at.
    left, top, width, height = _box(_centre(missed if len(missed) else now, picture.shape), picture.shape)
    figure = Figure(figsize=(12, 6.4), layout="constrained")
    whole, part = figure.subplots(1, 2)
    for axes, scale in ((whole, 0.6), (part, 1.6)):
        _draw_tracks(axes, picture, recent, tracks.parents, index, scale)
        _draw_circles(axes, now[~_is_virtual(now)], 3 * spot_sigma, _DETECTED, scale / 2)
        _draw_circles(axes, loose, 3 * spot_sigma, _UNLINKED, scale / 2)
    part.set(xlim=(left, left + width), ylim=(top + height, top))
    whole.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="white", linewidth=0.8))
    whole.set_title(f"frame {index} (of 0 to {movie.n_frames - 1}): {len(now)} particles")
    part.set_title(f"the box enlarged; lines are the last {_TAIL} frames")
    figure.legend(handles=_legend(recent, index, seen, len(loose)), loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=130)


def _busiest(frames: npt.NDArray[np.int64], n_frames: int) -> int:
    """The frame with most spots in the middle third."""
    first, last = n_frames // 3, max(2 * n_frames // 3, n_frames // 3 + 1)
    return first + int(np.argmax(np.bincount(frames, minlength=n_frames)[first:last]))


def _centre(spots: pd.DataFrame, shape: tuple[int, ...]) -> tuple[float, float]:
    """Where the enlarged part lies: at the spot nearest to the middle of them."""
    if spots.empty:
        return shape[0] / 2, shape[1] / 2
    y, x = spots["y"].to_numpy(), spots["x"].to_numpy()
    nearest = int(np.argmin(np.hypot(y - np.median(y), x - np.median(x))))
    return float(y[nearest]), float(x[nearest])


def _box(centre: tuple[float, float], shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Left, top, width and height of the enlarged part: round ``centre`` (y, x) as far as the field allows."""
    height, width = (min(max(length / _ZOOM, 32.0), float(length)) for length in shape)
    # The first pixel's middle is at 0.
    top, left = (
        min(max(middle - size / 2, -0.5), length - 0.5 - size)
        for middle, size, length in zip(centre, (height, width), shape, strict=True)
    )
    return left, top, width, height


def _is_virtual(spots: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return spots["virtual"].to_numpy(bool) if "virtual" in spots else np.zeros(len(spots), bool)


def _legend(recent: pd.DataFrame, index: int, seen: str, n_unlinked: int) -> "list[Line2D]":
    """What is in the figure, and nothing else."""
    from matplotlib.lines import Line2D

    def mark(color: str, label: str, marker: str) -> Line2D:
        return Line2D([], [], color=color, label=label, linestyle="none", marker=marker, markerfacecolor="none")

    tells = "link_probability" in recent
    handles = [mark(_DETECTED, seen, "o")]
    if n_unlinked:
        handles.append(mark(_UNLINKED, "found, in no track", "o"))
    if _is_virtual(recent).any():
        name = "missed: expected here, within the ellipse in 95 of 100 cases" if tells else "filled in"
        handles.append(mark(_FILLED, name, "x"))
    track = "track; the fainter, the less probable the link" if tells else "track"
    if not recent["particle"].isin(recent.loc[recent["frame"] == index, "particle"]).all():
        track += "; with those that ended in these frames"
    return [*handles, Line2D([], [], color="#1f77b4", label=track)]


def _draw_circles(axes: "Axes", spots: pd.DataFrame, radius: float, color: str, linewidth: float) -> None:
    from matplotlib.collections import EllipseCollection

    axes.add_collection(
        EllipseCollection(
            2 * radius,
            2 * radius,
            0,
            units="xy",
            offsets=spots[["x", "y"]].to_numpy(),
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=color,
            linewidths=linewidth,
        )
    )


def _draw_tracks(
    axes: "Axes",
    picture: npt.NDArray[np.float32],
    recent: pd.DataFrame,
    parents: Mapping[int, tuple[int, ...]],
    index: int,
    linewidth: float,
) -> None:
    from matplotlib.collections import EllipseCollection, LineCollection
    from matplotlib.colors import to_rgb

    low, high = np.percentile(picture, (1, 99.8))
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    segments, colours = _segments(recent, parents)
    axes.add_collection(LineCollection(list(segments), colors=colours, linewidths=linewidth))
    missed = recent[_is_virtual(recent)]
    filled = missed[missed["frame"] == index]
    axes.scatter(filled["x"], filled["y"], s=14 * linewidth**2, marker="x", color=_FILLED, linewidths=1)
    width, height, angle = _regions(missed)
    known = np.isfinite(width)
    # Those of earlier frames are there too, but faint.
    opacity = np.where(missed["frame"] == index, 1.0, 0.45)[known, None]
    axes.add_collection(
        EllipseCollection(
            width[known],
            height[known],
            angle[known],
            units="xy",
            offsets=missed[["x", "y"]].to_numpy()[known],
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=np.hstack([np.tile(to_rgb(_FILLED), (known.sum(), 1)), opacity]),
            linewidths=linewidth / 2,
        )
    )
    # Ellipses and tails may reach beyond the picture.
    axes.set(xlim=(-0.5, picture.shape[1] - 0.5), ylim=(picture.shape[0] - 0.5, -0.5))
    axes.set_axis_off()


def _segments(
    recent: pd.DataFrame, parents: Mapping[int, tuple[int, ...]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A line for every link, shape ``(m, 2, 2)``, and its colour: a particle has one, that fades where it is unsure.

    The lines from parents to their children come last, in the child's colour.
    """
    from matplotlib import colormaps

    palette = np.array(colormaps["tab20"].colors)[list(_PALETTE)]  # type: ignore[attr-defined]
    rows = recent.sort_values(["particle", "frame"], kind="stable")
    particle, place = rows["particle"].to_numpy(), rows[["x", "y"]].to_numpy()
    follows = np.flatnonzero(particle[1:] == particle[:-1]) + 1
    last = {int(one): row for row, one in enumerate(particle)}
    first = {int(one): row for row, one in reversed(list(enumerate(particle)))}
    branches = [
        (last[parent], first[child])
        for child, of in parents.items()
        if child in first
        for parent in of
        if parent in last
    ]
    before, after = np.array([*zip(follows - 1, follows, strict=True), *branches], np.int64).reshape(-1, 2).T
    colours = np.ones((len(after), 4))
    colours[:, :3] = palette[particle[after] % len(palette)]
    if "link_probability" in rows:
        sure = rows["link_probability"].to_numpy()[after]
        colours[:, 3] = _FAINTEST + (1 - _FAINTEST) * np.where(np.isnan(sure), 1, sure) ** 2
    return np.stack([place[before], place[after]], axis=1), colours


def _regions(filled: pd.DataFrame) -> tuple[npt.NDArray[np.float64], ...]:
    """Width, height and angle in degrees of the ellipses that hold the particles with a probability of 95 percent."""
    columns = [
        filled[name].to_numpy(np.float64) if name in filled else np.full(len(filled), np.nan)
        for name in ("x_std", "y_std", "xy_cov")
    ]
    x_std, y_std, xy_cov = columns
    covariance = np.stack([np.stack([x_std**2, xy_cov], axis=1), np.stack([xy_cov, y_std**2], axis=1)], axis=2)
    known = np.isfinite(covariance).all(axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], covariance, np.eye(2)))
    # In two dimensions the squared distance is below -2 log(0.05) variances in 95 of 100 cases.
    axes = 2 * np.sqrt(np.maximum(values, 0) * -2 * np.log(1 - _REGION))
    axes[~known] = np.nan
    return axes[:, 1], axes[:, 0], np.degrees(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1]))
