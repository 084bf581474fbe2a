import numpy as np

from tracking.detect_movie import DetectedMovie
from tracking.detection import Detector
from tracking.io.movie import Movie
from tracking.linking import Linking
from tracking.linking.doubts import FEW_SPOTS, link_doubts
from tracking.tracks import Tracks

# If a larger share of the spots is without any link, they are noise or move too far.
MOST_ALONE = 0.3


def track_warnings(
    movie: Movie,
    detector: Detector,
    detected: DetectedMovie,
    linked: Linking,
    tracks: Tracks,
    min_length: int,
    *,
    calibrated: bool = False,
) -> list[str]:
    """What the user of a tracked movie should know, a sentence each.

    Args:
        movie: The movie.
        detector: That found its spots.
        detected: The spots.
        linked: How they were linked, chains of any length.
        tracks: The chains of at least ``min_length`` spots.
        min_length: Chains of fewer spots are no tracks.
        calibrated: Whether the tracker was calibrated to the movie, or could not be.
    """
    found = []
    n_detections = len(linked.particle)
    if n_detections and not detector.is_sigma_measured and detector.options.sigma is None:
        found.append(
            f"the size of the spots could not be measured, and a sigma of {detector.settings['sigma']:.2g} px was "
            "taken: look at overlay.png; dark spots want --dark, others --sigma"
        )
    is_recurrent = linked.link_probability is not None
    area = float(np.prod(movie.frame_shape[-2:]))
    spacing = np.sqrt(area / max(n_detections / movie.n_frames, 2))
    if linked.search_radius > 0.6 * spacing and not is_recurrent:
        found.append(
            f"a particle is looked for within {linked.search_radius:.3g} px, but spots are {spacing:.3g} px apart on "
            "average, so links are guesses: check the spots in overlay.png, or give --search-radius"
        )
    alone = np.mean(np.bincount(linked.particle)[linked.particle] == 1) if n_detections else 0.0
    if not is_recurrent and n_detections >= FEW_SPOTS and alone > MOST_ALONE:
        found.append(
            f"{alone:.0%} of the spots could not be linked, so they are noise or move too far for their number, and "
            "the tracks are guesses: check the spots in overlay.png, take frames more often, or try --linker recurrent"
        )
    found += link_doubts(linked, len(movie.frame_shape), calibrated=calibrated)
    if not n_detections:
        found.append("no spot was found: the track files are valid and empty; raise --false-alarms, or set --sigma")
    elif not len(tracks.spots):
        remedy = "lower --min-length" if is_recurrent else "raise --search-radius, or lower --min-length"
        found.append(f"no chain of {min_length} spots or more was found: the track files are valid and empty; {remedy}")
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
