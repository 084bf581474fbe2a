from typing import TYPE_CHECKING, Any

import numpy as np

from medseg.cli.track_measures import TRACK_MEASURES

if TYPE_CHECKING:
    from tracking.io import Movie
    from tracking.track_movie import TrackedMovie

_TABLE_ROWS = 10_000  # of the tracks' table in the run; all are in tracks.csv


def track_summary(result: "TrackedMovie", movie: "Movie") -> dict[str, Any]:
    """What was found in a movie, in numbers; what is not known is None."""
    spots = result.tracks.spots
    lengths = spots.groupby("particle")["frame"].agg(lambda frames: frames.max() - frames.min() + 1)
    return {
        "frames": movie.n_frames,
        "frame_shape": " x ".join(map(str, movie.frame_shape)),
        "frames_skipped": len(result.skipped),
        "frames_reused": result.reused,
        "spots": result.n_detections,
        "spots_unlinked": result.n_unlinked,
        "spots_virtual": int(spots["virtual"].sum()),
        "tracks": result.tracks.n_particles,
        "branchings": len(result.tracks.parents),
        "median_track_length": float(lengths.median()) if len(lengths) else 0.0,
        "search_radius": result.search_radius,
        "displacement": result.displacement,
        **_certainty(result),
    }


def shown_summary(summary: dict[str, Any], result: "TrackedMovie") -> list[tuple[str, object]]:
    """The rows of the table that `medseg track` prints."""
    is_measured = result.detector["sigma_is_measured"]
    rows: list[tuple[str, object]] = [
        ("frames", summary["frames"]),
        ("frame (px)", summary["frame_shape"]),
        ("spots found", summary["spots"]),
        ("spots in no track", summary["spots_unlinked"]),
        ("spots filled in", summary["spots_virtual"]),
        ("tracks", summary["tracks"]),
        ("median length (frames)", summary["median_track_length"]),
    ]
    if result.linking.method == "recurrent":
        rows += [
            ("displacement, RMS (px)", summary["displacement"]),
            ("probability of a link, mean", summary["link_probability"]),
            ("probability of a track, mean", summary["track_probability"]),
        ]
    else:
        rows.append(("search radius (px)", summary["search_radius"]))
    rows += [
        ("spot sigma (px)", f"{result.detector['sigma']:.3f}{'' if is_measured else ', not measured'}"),
        ("false alarms a frame", result.detector["false_alarms"]),
    ]
    if summary["frames_reused"]:
        rows.insert(1, ("frames detected earlier", summary["frames_reused"]))
    if "measures" in summary:
        rows += [(title, summary["measures"][name]) for name, title in TRACK_MEASURES.items()]
    return rows


def track_rows(result: "TrackedMovie") -> list[dict[str, object]]:
    """One row a track, the longest first."""
    spots = result.tracks.spots
    columns = {
        "first_frame": ("frame", "min"),
        "last_frame": ("frame", "max"),
        "spots": ("frame", "size"),
        "virtual": ("virtual", "sum"),
    }
    if "link_probability" in spots:
        columns |= {
            "link_probability": ("link_probability", "mean"),
            "track_probability": ("track_probability", "mean"),
        }
    table = spots.groupby("particle").agg(**columns)
    table = table.sort_values("spots", ascending=False, kind="stable").head(_TABLE_ROWS).reset_index()
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _certainty(result: "TrackedMovie") -> dict[str, float | None]:
    """Mean probabilities of the links between detected spots, and of the tracks."""
    spots = result.tracks.spots
    if "link_probability" not in spots:
        return {"link_probability": None, "track_probability": None}
    links = spots.loc[~spots["virtual"], "link_probability"].mean()
    tracks = spots.groupby("particle")["track_probability"].first().mean()
    return {"link_probability": _defined(links), "track_probability": _defined(tracks)}


def _defined(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _plain(value: Any) -> object:
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return int(value)
