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
_DETECTED, _FILLED = "#f0e442", "#d55e00"
_REGION = 0.95  # probability that a filled point's ellipse holds the particle
_FAINTEST = 0.1  # opacity of a link that cannot be


def save_overlay(path: Path, tracks: "Tracks", movie: "Movie", spot_sigma: float) -> None:
    """The frame with most spots in the movie's middle third, its tracks' last ten frames, and a part of it enlarged.

    A circle, of three standard deviations of a spot in pixels, is a detected spot, a cross a filled one, with the
    ellipse that holds the particle with a probability of 95 percent where that is known. The fainter a line, the less
    probable the link. A volume is shown as its brightest projection.
    """
    from matplotlib.figure import Figure

    spots = tracks.spots
    index = _busiest(spots["frame"].to_numpy(), movie.n_frames)
    frame = movie.frame(index).astype(np.float32)
    frame[~np.isfinite(frame)] = np.nanmin(frame[np.isfinite(frame)], initial=0)
    picture = frame.max(axis=0) if movie.is_3d else frame
    recent = spots[(spots["frame"] > index - _TAIL) & (spots["frame"] <= index)]
    now = recent[recent["frame"] == index]
    missed = now[now["virtual"].to_numpy(bool)] if "virtual" in now else now.head(0)
    # What was not seen is what is to be looked at.
    centre = _centre(missed if len(missed) else now, picture.shape)
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
    figure.legend(handles=_legend(recent), loc="outside lower center", ncols=3, frameon=False)
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


def _legend(recent: pd.DataFrame) -> "list[Line2D]":
    from matplotlib.lines import Line2D

    tells = "link_probability" in recent
    names = (
        "detected",
        "missed: expected here, within the ellipse in 95 of 100 cases" if tells else "filled in",
        "track; the fainter, the less probable the link" if tells else "track",
    )
    return [
        Line2D([], [], color=_DETECTED, label=names[0], linestyle="none", marker="o", markerfacecolor="none"),
        Line2D([], [], color=_FILLED, label=names[1], linestyle="none", marker="x"),
        Line2D([], [], color="#1f77b4", label=names[2]),
    ]


def _draw(
    axes: "Axes",
    picture: npt.NDArray[np.float32],
    recent: pd.DataFrame,
    index: int,
    linewidth: float,
    radius: float,
) -> None:
    from matplotlib.collections import EllipseCollection, LineCollection
    from matplotlib.colors import to_rgb

    low, high = np.percentile(picture, (1, 99.8))
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
    segments, colours = _segments(recent)
    axes.add_collection(LineCollection(list(segments), colors=colours, linewidths=linewidth))
    now = recent[recent["frame"] == index]
    virtual = now["virtual"].to_numpy(bool) if "virtual" in now else np.zeros(len(now), bool)
    detected, filled = now[~virtual], now[virtual]
    axes.add_collection(
        EllipseCollection(
            2 * radius,
            2 * radius,
            0,
            units="xy",
            offsets=detected[["x", "y"]].to_numpy(),
            offset_transform=axes.transData,
            facecolors="none",
            edgecolors=_DETECTED,
            linewidths=linewidth / 2,
        )
    )
    axes.scatter(filled["x"], filled["y"], s=14 * linewidth**2, marker="x", color=_FILLED, linewidths=1)
    missed = recent[recent["virtual"].to_numpy(bool)] if "virtual" in recent else recent.head(0)
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


def _segments(recent: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A line for every link, shape ``(m, 2, 2)``, and its colour: a particle has one, that fades where it is unsure."""
    from matplotlib import colormaps

    # Without the greys of the picture and the orange of what is filled in.
    palette = np.delete(np.array(colormaps["tab20"].colors), [2, 3, 14, 15], axis=0)  # type: ignore[attr-defined]
    rows = recent.sort_values(["particle", "frame"], kind="stable")
    particle, place = rows["particle"].to_numpy(), rows[["x", "y"]].to_numpy()
    follows = np.flatnonzero(particle[1:] == particle[:-1]) + 1
    colours = np.ones((len(follows), 4))
    colours[:, :3] = palette[particle[follows] % len(palette)]
    if "link_probability" in rows:
        sure = rows["link_probability"].to_numpy()[follows]
        colours[:, 3] = _FAINTEST + (1 - _FAINTEST) * np.where(np.isnan(sure), 1, sure) ** 2
    return np.stack([place[follows - 1], place[follows]], axis=1), colours


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
