import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medseg.cli.console import step_progress
from medseg.cli.track import Linker
from medseg.errors import UserError

if TYPE_CHECKING:
    from medseg.cli.benchmark_results import BenchmarkResults, Row
    from medseg.cli.load_tracker import LoadedTracker
    from tracking.detection import DetectionOptions
    from tracking.dpht.network import TrackNetwork
    from tracking.io import Movie
    from tracking.io.challenge_folder import ChallengeMovie
    from tracking.io.challenge_labels import ChallengeLabels
    from tracking.linking import LinkingOptions
    from tracking.tracks import Tracks

GATE = 5.0
# What decides results beside our own code.
_PACKAGES = ("numpy", "scipy", "torch", "trackpy")


@dataclass(frozen=True)
class Contestant:
    """A linker that is measured.

    Attributes:
        linking: How it links.
        network: Of the recurrent tracker, None for the others.
        settings: A digest of all that its measures hang on beside the movie: code, libraries, options and weights.
    """

    linking: "LinkingOptions"
    network: "TrackNetwork | None"
    settings: str


def contestant(linker: str, detection: "DetectionOptions", tracker: "LoadedTracker | None") -> Contestant:
    """A linker by its name, with the options it has by default.

    Args:
        linker: One of `medseg.cli.track.Linker`.
        detection: How the spots will be found.
        tracker: What the recurrent tracker is.
    """
    import tracking
    from medseg.runs.environment import package_versions
    from tracking.linking import LinkingOptions
    from tracking.validation import checked

    linking = checked(LinkingOptions, {"method": linker})
    used = tracker if linker == Linker.RECURRENT else None
    code = hashlib.sha256()
    for file in sorted(Path(tracking.__file__).parent.rglob("*.py")):
        code.update(file.read_bytes())
    content = {
        "code": code.hexdigest(),
        "packages": {name: version for name, version in package_versions().items() if name in _PACKAGES},
        "detection": detection.model_dump(mode="json"),
        "linking": linking.model_dump(mode="json"),
        "weights": used.weights_sha256 if used else None,
        "gate": GATE,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Contestant(linking, used.network if used else None, digest)


def score_movie(
    movie: "ChallengeMovie",
    contestants: Mapping[str, Contestant],
    detection: "DetectionOptions",
    output: Path,
    results: "BenchmarkResults",
) -> "Iterator[Row]":
    """Track and score a movie, and add to the results what is not among them.

    Args:
        movie: And its truth.
        contestants: Linkers by name, which link its spots one after the other.
        detection: How to find the spots, for all of them alike.
        output: Gets the tracks, in the challenge's format.
        results: What is known.

    Yields:
        The row of every linker.

    Raises:
        UserError: The movie or its truth is incomplete, or a frame cannot be read.
        TrackingError: One of them is damaged, or the movie cannot be tracked.
    """
    from medseg.cli.content_digest import content_digest
    from medseg.cli.read_truth import read_truth
    from medseg.io import sha256_of
    from tracking.io import open_movie
    from tracking.simulation import SCENARIOS

    # Lengths are in pixels: what the slices of a volume are apart is not in the frames.
    simulated = SCENARIOS[movie.labels.scenario].options
    z_step = simulated.z_spacing if len(simulated.frame_shape) == 3 else None
    with open_movie(movie.frames, pixel_size=1.0, z_step=z_step) as opened:
        inputs = {"movie": opened.fingerprint(), "truth_sha256": sha256_of(movie.truth)}
        truth = None
        for linker, used in contestants.items():
            row = results.find(movie.labels, linker, inputs)
            if row is None or not _tracks_path(output, linker, movie.labels).is_file():
                truth = truth or _fitting(read_truth(movie.truth), opened, movie)
                row = _score(movie.labels, opened, truth, linker, used, detection, output)
                digest = content_digest(movie.frames, None if movie.frames.is_file() else opened.files)
                row |= {"movie_sha256": digest, "inputs": inputs}
                results.add(row)
            yield row


def _tracks_path(output: Path, linker: str, labels: "ChallengeLabels") -> Path:
    return output / "tracks" / linker / f"{labels}.xml"


def _fitting(truth: "Tracks", movie: "Movie", of: "ChallengeMovie") -> "Tracks":
    last = int(truth.spots["frame"].max())
    if last >= movie.n_frames:
        raise UserError(
            f"`{of.truth}` goes to frame {last}, but `{of.frames}` has only {movie.n_frames} frames: it is incomplete"
        )
    if "z" in truth.spots and not movie.is_3d:
        raise UserError(f"`{of.truth}` has slices, but the frames of `{of.frames}` have a single one: it is incomplete")
    return truth


def _score(
    labels: "ChallengeLabels",
    movie: "Movie",
    truth: "Tracks",
    linker: str,
    used: Contestant,
    detection: "DetectionOptions",
    output: Path,
) -> "Row":
    from medseg.cli.outputs import make_folder
    from medseg.cli.single_threaded import single_threaded
    from tracking.errors import TrackingError
    from tracking.io import UnreadableFrame
    from tracking.io.challenge_xml import write_challenge_xml
    from tracking.metrics import score_tracks
    from tracking.track_movie import track_movie

    work = output / ".medseg-work" / f"{labels} {linker}"
    make_folder(work)
    make_folder(output / "tracks" / linker)
    started = time.perf_counter()
    try:
        with (
            step_progress() as show,
            single_threaded() if used.network is not None else nullcontext(),
        ):
            result = track_movie(
                movie,
                work,
                detection=detection,
                linking=used.linking,
                network=used.network,
                progress=lambda step, done, of: show(f"{labels}, {linker}: {step}", done, of),
            )
        write_challenge_xml(
            _tracks_path(output, linker, labels),
            result.tracks,
            snr=str(labels.snr),
            density=labels.density,
            scenario=labels.scenario.upper(),
        )
    except TrackingError as error:
        shutil.rmtree(work.parent, ignore_errors=True)
        if isinstance(error, UnreadableFrame):
            raise UserError(f"{error.what}: a movie is scored with all its frames, so get that file anew") from error
        raise
    seconds = time.perf_counter() - started
    # Only a killed process leaves it behind, with the spots that were found.
    shutil.rmtree(work.parent, ignore_errors=True)
    score = score_tracks(truth, result.tracks, gate=GATE)
    return {
        "scenario": labels.scenario,
        "density": labels.density,
        "snr": labels.snr,
        "linker": linker,
        **score.to_dict(),
        "frames": movie.n_frames,
        "spots": result.n_detections,
        "seconds": round(seconds, 3),
        "warnings": list(result.warnings),
    }
