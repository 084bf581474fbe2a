from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tracking.atomic import atomic_path
from tracking.detect_movie import DetectedMovie, detect_movie, detection_key, detector_of
from tracking.detection import DetectionOptions
from tracking.detection.table import covariance_columns
from tracking.gaps import fill_gaps
from tracking.io.challenge_xml import write_challenge_xml
from tracking.io.movie import Movie
from tracking.linking import Linking, LinkingOptions, link
from tracking.linking.linking import GapPoints
from tracking.pixel_warnings import blank_warning, missing_warning
from tracking.track_warnings import track_warnings
from tracking.tracks import Tracks
from tracking.work_folder import work_folder

if TYPE_CHECKING:
    from tracking.dpht.network import TrackNetwork

WORK_FOLDER = ".medseg-detections"


@dataclass(frozen=True)
class TrackedMovie:
    """What `track_movie` found.

    Attributes:
        tracks: Every particle with frame, position and its standard errors and covariances, ``virtual`` and, from the
            recurrent tracker, probabilities; ``tracks.csv`` holds all columns.
        n_detections: Spots found in the movie.
        unlinked: Frame and position of the spots that are in no track, being in chains shorter than the least length.
        detector: What the detector chose: scale, threshold, noise.
        linking: How spots were linked; ``z_scale`` is that of the movie, and ``max_gap`` what was used.
        search_radius: The farthest a particle can move between two frames, in pixels, as given or as estimated; None if
            there are too few spots to tell.
        displacement: Root mean square displacement between two frames, in pixels, as the recurrent tracker found it;
            None with the others, and where it is unknown.
        skipped: Frames that could not be read.
        reused: Frames whose spots an earlier, interrupted call had found.
        warnings: What the user should know, a sentence each.
    """

    tracks: Tracks
    n_detections: int
    unlinked: pd.DataFrame
    detector: dict[str, object]
    linking: LinkingOptions
    search_radius: float | None
    displacement: float | None
    skipped: tuple[int, ...]
    reused: int
    warnings: tuple[str, ...]

    @property
    def n_unlinked(self) -> int:
        """Number of spots that are in no track."""
        return len(self.unlinked)


def track_movie(
    movie: Movie,
    folder: Path,
    *,
    detection: DetectionOptions,
    linking: LinkingOptions,
    network: "TrackNetwork | None" = None,
    min_length: int = 2,
    fill: bool = True,
    skip_bad_frames: bool = False,
    workers: int = 2,
    calibrated: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> TrackedMovie:
    """Turn a movie into tracks: ``tracks.csv`` with trackpy's columns, and ``tracks.xml`` in the challenge's format.

    Memory holds some frames, and of all spots frame, position and its errors, particle and probabilities. Spots found
    before the process was killed are found in ``folder/.medseg-detections`` by the next call.

    Args:
        movie: The movie.
        folder: Gets the two files. Must exist.
        detection: How to find spots.
        linking: How to link them. In three dimensions ``z_scale`` is taken from the movie's pixel sizes if it is 1.
        network: Of the recurrent tracker, from `tracking.dpht.weights.load_weights`; other methods need none.
        min_length: Chains of fewer detections are no tracks.
        fill: Fill the frames a particle misses inside its track: with where the recurrent tracker expects it, or
            interpolated. Such points are marked ``virtual``.
        skip_bad_frames: Pass over frames that cannot be read.
        workers: Threads that detect.
        calibrated: Whether the tracker was calibrated to the movie, or could not be: no warning advises it then.
        progress: Called with what is done, detecting or linking, and the number of frames done and of all.

    Raises:
        TrackingError: The movie cannot be tracked: a frame is unreadable, there is but one, the output is not writable.
        ValueError: The recurrent tracker has no network.
    """
    if linking.method == "recurrent" and network is None:
        raise ValueError("the method recurrent needs a `network`")  # before hours of detection
    show = progress or (lambda what, done, of: None)
    detector = detector_of(movie, detection, skip_bad_frames=skip_bad_frames)
    if movie.is_3d and linking.z_scale == 1 and movie.pixel_size and movie.z_step:
        linking = linking.model_copy(update={"z_scale": movie.z_step / movie.pixel_size})
    with work_folder(folder / WORK_FOLDER, detection_key(movie, detector)) as parts:
        detected = detect_movie(
            movie,
            detector,
            parts,
            skip_bad_frames=skip_bad_frames,
            workers=workers,
            progress=lambda done, of: show("detecting", done, of),
        )
        axes = ("z", "y", "x") if movie.is_3d else ("y", "x")
        spots = detected.columns(("frame", *axes))
        found = link(
            spots["frame"].to_numpy(),
            spots[list(axes)].to_numpy(),
            linking,
            network,
            progress=lambda done, of: show("linking", done, of),
        )
        linked = _drop_short(found, min_length)
        is_tracked = linked.particle >= 0
        tracks = _tracks(movie, detected, spots, linked)
        unlinked = spots[~is_tracked].reset_index(drop=True)
        del spots
        tracks = fill_gaps(tracks, linked.gaps) if fill else tracks.with_spots(tracks.spots.assign(virtual=False))
        with atomic_path(folder / "tracks.csv") as partial:
            _write_table(partial, detected, linked, tracks)
        with atomic_path(folder / "tracks.xml") as partial:
            write_challenge_xml(partial, replace(tracks, parents={}))
    if blank := blank_warning(movie, detected):
        warnings = [blank]
    else:
        warnings = track_warnings(movie, detector, detected, found, tracks, min_length, calibrated=calibrated)
    if missing := missing_warning(detected):
        warnings.append(missing)
    if movie.ignores_z_step:
        warnings.append(f"--z-step is of no use: the frames of `{movie.path.name}` are flat")
    return TrackedMovie(
        tracks=tracks,
        n_detections=len(is_tracked),
        unlinked=unlinked,
        detector=dict(detector.settings),
        linking=linking.model_copy(update={"max_gap": found.max_gap}),
        search_radius=linked.search_radius if np.isfinite(linked.search_radius) else None,
        displacement=linked.scale if np.isfinite(linked.scale) else None,
        skipped=detected.skipped,
        reused=detected.reused,
        warnings=tuple(warnings),
    )


def _drop_short(linked: Linking, min_length: int) -> Linking:
    """Particles renumbered from 0, -1 for spots of chains that are too short; branches of any length are kept."""
    parents: Mapping[int, tuple[int, ...]] = linked.parents
    if not len(linked.particle):
        return linked
    keep = np.bincount(linked.particle) >= min_length
    keep[[*parents, *(parent for of in parents.values() for parent in of)]] = True
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    gaps, probability = linked.gaps, linked.track_probability
    if gaps is not None:
        kept = keep[gaps.particle]
        gaps = GapPoints(gaps.frame[kept], number[gaps.particle[kept]], gaps.position[kept], gaps.covariance[kept])
    return replace(
        linked,
        particle=number[linked.particle],
        parents={int(number[child]): tuple(int(number[parent]) for parent in of) for child, of in parents.items()},
        track_probability=None if probability is None else probability[keep],
        gaps=gaps,
    )


def _probabilities(linked: Linking) -> dict[str, np.ndarray]:
    """Columns that say how sure the particles of the spots are, of all spots; empty where the method does not tell."""
    if linked.link_probability is None or linked.track_probability is None:
        return {}
    of_none = np.append(linked.track_probability, np.nan)
    return {"link_probability": linked.link_probability, "track_probability": of_none[linked.particle]}


def _tracks(movie: Movie, detected: DetectedMovie, spots: pd.DataFrame, linked: Linking) -> Tracks:
    """The spots that are in tracks, with what is known of their positions and links."""
    is_tracked = linked.particle >= 0
    n_axes = len(movie.frame_shape)
    errors = (*(f"{axis}_std" for axis in ("z", "y", "x")[-n_axes:]), *covariance_columns(n_axes))
    # Of millions of spots no copy more than needed.
    table = pd.concat([spots, detected.columns(errors)], axis=1)[is_tracked]
    table["particle"] = linked.particle[is_tracked]
    for name, values in _probabilities(linked).items():
        table[name] = values[is_tracked]
    units = {"pixel_size": movie.pixel_size, "z_step": movie.z_step, "frame_interval": movie.frame_interval}
    return Tracks.create(table, linked.parents, **units)


def _write_table(path: Path, detected: DetectedMovie, linked: Linking, tracks: Tracks) -> None:
    """Write the detector's columns of every tracked spot, and the filled points, part by part."""
    filled = tracks.spots[tracks.spots["virtual"]]
    first = tracks.spots.groupby("particle")["frame"].min() if tracks.parents else None
    start, ends = 0, [*detected.first_frames[1:], np.iinfo(np.int64).max]
    columns = _probabilities(linked)
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(detected.tables()):
            part = slice(start, start + len(table))
            rows = table.assign(particle=linked.particle[part], virtual=False)
            rows = rows.assign(**{name: values[part] for name, values in columns.items()})
            start = part.stop
            extra = filled[filled["frame"].between(detected.first_frames[number], ends[number] - 1)]
            rows = pd.concat([rows[rows["particle"] >= 0], extra], ignore_index=True)
            rows = rows.sort_values(["frame", "particle"], kind="stable")
            if first is not None:
                is_first = rows["frame"].to_numpy() == first.reindex(rows["particle"]).to_numpy()
                names = [";".join(map(str, tracks.parents.get(one, ()))) for one in rows["particle"]]
                rows = rows.assign(parents=np.where(is_first, names, ""))
            rows.to_csv(file, index=False, header=number == 0)
