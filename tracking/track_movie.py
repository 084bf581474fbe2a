from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tracking.atomic import atomic_path
from tracking.detect_movie import DetectedMovie, detect_movie, detection_key, detector_of
from tracking.detection import DetectionOptions, Detector
from tracking.gaps import fill_gaps
from tracking.io.challenge_xml import write_challenge_xml
from tracking.io.movie import Movie
from tracking.linking import LinkingOptions, link
from tracking.tracks import Tracks
from tracking.work_folder import work_folder

WORK_FOLDER = ".medseg-detections"


@dataclass(frozen=True)
class TrackedMovie:
    """What `track_movie` found.

    Attributes:
        tracks: Every particle with frame, position and ``virtual`` alone; ``tracks.csv`` holds all columns.
        n_detections: Spots found in the movie.
        n_unlinked: Spots that are in no track, being in chains shorter than the least length.
        detector: What the detector chose: scale, threshold, noise.
        linking: How spots were linked; ``z_scale`` is that of the movie.
        search_radius: The farthest a particle can move between two frames, in pixels, as given or as estimated; None if
            there are too few spots to tell.
        skipped: Frames that could not be read.
        reused: Frames whose spots an earlier, interrupted call had found.
        warnings: What the user should know, a sentence each.
    """

    tracks: Tracks
    n_detections: int
    n_unlinked: int
    detector: dict[str, object]
    linking: LinkingOptions
    search_radius: float | None
    skipped: tuple[int, ...]
    reused: int
    warnings: tuple[str, ...]


def track_movie(
    movie: Movie,
    folder: Path,
    *,
    detection: DetectionOptions,
    linking: LinkingOptions,
    min_length: int = 2,
    fill: bool = True,
    skip_bad_frames: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> TrackedMovie:
    """Turn a movie into tracks: ``tracks.csv`` with trackpy's columns, and ``tracks.xml`` in the challenge's format.

    Memory holds some frames, and frame, position and particle of all spots. Spots found before the process was killed
    are found in ``folder/.medseg-detections`` by the next call.

    Args:
        movie: The movie.
        folder: Gets the two files. Must exist.
        detection: How to find spots.
        linking: How to link them. In three dimensions ``z_scale`` is taken from the movie's pixel sizes if it is 1.
        min_length: Chains of fewer detections are no tracks.
        fill: Interpolate the frames a particle misses inside its track; such points are marked ``virtual``.
        skip_bad_frames: Pass over frames that cannot be read.
        workers: Threads that detect.
        progress: Called with the number of frames whose spots are found and of all frames.

    Raises:
        TrackingError: The movie cannot be tracked: a frame is unreadable, there is but one, the output is not writable.
    """
    detector = detector_of(movie, detection, skip_bad_frames=skip_bad_frames)
    if movie.is_3d and linking.z_scale == 1 and movie.pixel_size and movie.z_step:
        linking = linking.model_copy(update={"z_scale": movie.z_step / movie.pixel_size})
    with work_folder(folder / WORK_FOLDER, detection_key(movie, detector)) as parts:
        detected = detect_movie(
            movie, detector, parts, skip_bad_frames=skip_bad_frames, workers=workers, progress=progress
        )
        axes = ("z", "y", "x") if movie.is_3d else ("y", "x")
        spots = detected.columns(("frame", *axes))
        linked = link(spots["frame"].to_numpy(), spots[list(axes)].to_numpy(), linking)
        particle, parents = _drop_short(linked.particle, linked.parents, min_length)
        n_detections, is_tracked = len(spots), particle >= 0
        units = {"pixel_size": movie.pixel_size, "z_step": movie.z_step, "frame_interval": movie.frame_interval}
        # Of millions of spots no copy more than needed: the table goes as soon as its tracks stand.
        spots = spots[is_tracked].assign(particle=particle[is_tracked])
        tracks = Tracks.create(spots, parents, **units)
        del spots
        tracks = fill_gaps(tracks) if fill else tracks.with_spots(tracks.spots.assign(virtual=False))
        with atomic_path(folder / "tracks.csv") as partial:
            _write_table(partial, detected, particle, tracks)
        with atomic_path(folder / "tracks.xml") as partial:
            write_challenge_xml(partial, replace(tracks, parents={}))
    return TrackedMovie(
        tracks=tracks,
        n_detections=n_detections,
        n_unlinked=int((~is_tracked).sum()),
        detector=dict(detector.settings),
        linking=linking,
        search_radius=linked.search_radius if np.isfinite(linked.search_radius) else None,
        skipped=detected.skipped,
        reused=detected.reused,
        warnings=tuple(_warnings(movie, detector, detected, tracks, n_detections, linked.search_radius, min_length)),
    )


def _drop_short(
    particle: np.ndarray, parents: Mapping[int, tuple[int, ...]], min_length: int
) -> tuple[np.ndarray, Mapping[int, tuple[int, ...]]]:
    """Particles renumbered from 0, -1 for spots of chains that are too short; branches of any length are kept."""
    if not len(particle):
        return particle, parents
    keep = np.bincount(particle) >= min_length
    keep[[*parents, *(parent for of in parents.values() for parent in of)]] = True
    number = np.where(keep, np.cumsum(keep) - 1, -1)
    return number[particle], {
        int(number[child]): tuple(int(number[parent]) for parent in of) for child, of in parents.items()
    }


def _write_table(path: Path, detected: DetectedMovie, particle: np.ndarray, tracks: Tracks) -> None:
    """Write the detector's columns of every tracked spot, and the filled points, part by part."""
    filled = tracks.spots[tracks.spots["virtual"]]
    first = tracks.spots.groupby("particle")["frame"].min() if tracks.parents else None
    start, ends = 0, [*detected.first_frames[1:], np.iinfo(np.int64).max]
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(detected.tables()):
            rows = table.assign(particle=particle[start : start + len(table)], virtual=False)
            start += len(table)
            extra = filled[filled["frame"].between(detected.first_frames[number], ends[number] - 1)]
            rows = pd.concat([rows[rows["particle"] >= 0], extra], ignore_index=True)
            rows = rows.sort_values(["frame", "particle"], kind="stable")
            if first is not None:
                is_first = rows["frame"].to_numpy() == first.reindex(rows["particle"]).to_numpy()
                names = [";".join(map(str, tracks.parents.get(one, ()))) for one in rows["particle"]]
                rows = rows.assign(parents=np.where(is_first, names, ""))
            rows.to_csv(file, index=False, header=number == 0)


def _warnings(
    movie: Movie,
    detector: Detector,
    detected: DetectedMovie,
    tracks: Tracks,
    n_detections: int,
    search_radius: float,
    min_length: int,
) -> list[str]:
    found = []
    if n_detections and not detector.is_sigma_measured and detector.options.sigma is None:
        found.append(
            f"the size of the spots could not be measured, and a sigma of {detector.settings['sigma']:.2g} px was "
            "taken: look at overlay.png; dark spots want --dark, others --sigma"
        )
    area = float(np.prod(movie.frame_shape[-2:]))
    spacing = np.sqrt(area / max(n_detections / movie.n_frames, 2))
    if search_radius > 0.6 * spacing:
        found.append(
            f"a particle is looked for within {search_radius:.3g} px, but spots are {spacing:.3g} px apart on average, "
            "so links are guesses: check the spots in overlay.png, or give --search-radius"
        )
    if not n_detections:
        found.append("no spot was found: the track files are valid and empty; raise --false-alarms, or set --sigma")
    elif not len(tracks.spots):
        found.append(
            f"no chain of {min_length} spots or more was found: the track files are valid and empty; "
            "raise --search-radius, or lower --min-length"
        )
    if detected.skipped:
        found.append(f"{len(detected.skipped)} frames could not be read and were skipped: {_listed(detected.skipped)}")
    if detected.repeated:
        found.append(
            f"{len(detected.repeated)} frames equal the one before, pixel for pixel, and slow the motion: "
            f"{_listed(detected.repeated)}"
        )
    if tracks.parents:
        found.append("tracks.xml cannot hold merges and splits, so it has their branches as particles of their own")
    if movie.is_3d and not (movie.pixel_size and movie.z_step):
        found.append("a slice is taken to be as thick as a pixel: pass --pixel-size and --z-step")
    return found


def _listed(frames: tuple[int, ...]) -> str:
    return ", ".join(map(str, frames[:10])) + (", ..." if len(frames) > 10 else "")
