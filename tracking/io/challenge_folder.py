import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tracking.errors import TrackingError
from tracking.io.challenge_labels import ChallengeLabels, labels_in_name, labels_in_xml
from tracking.io.frame_names import order_frames

_IMAGES = (".tif", ".tiff", ".png")
_SAYS_TRUTH = re.compile(r"truth|(?<![a-z])gt(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class ChallengeMovie:
    """A movie of the Particle Tracking Challenge and its true tracks.

    Attributes:
        labels: Which of the challenge's movies it is.
        frames: What `tracking.io.open_movie` opens: a folder of frames and slices, or a TIFF of them all.
        truth: The tracks in the challenge's format.
    """

    labels: ChallengeLabels
    frames: Path
    truth: Path


@dataclass(frozen=True)
class ChallengeFolder:
    """What a copy of the challenge holds.

    Attributes:
        movies: Those that can be scored, sorted by scenario, density and SNR, each once.
        left_out: Those of which there are files, but not all that it takes, sorted likewise, each once.
        warnings: What was left out and why, and which of several files was taken; a sentence each.
    """

    movies: tuple[ChallengeMovie, ...]
    left_out: tuple[ChallengeLabels, ...]
    warnings: tuple[str, ...]


def find_challenge_movies(root: Path, *, skip: Path | None = None) -> ChallengeFolder:
    """Find the movies of the Particle Tracking Challenge in a folder, and the truth of each.

    The challenge has a folder a movie, of frames such as ``VESICLE snr 7 density mid t000 z0.tif``, and
    ``VESICLE snr 7 density mid.xml`` beside them, beside the folder, or with all others in a folder of their own. The
    folder is searched at any depth, links are followed, names may be written in any case and with any separators, and a
    movie may be one TIFF. Movies and tracks belong together whose scenario, SNR and density are the same: by the file's
    name, else by that of its folder, and of tracks else by the attributes in the XML.

    Where there are several tracks of a movie, that is its truth whose path says so ("truth" or "gt"), then that which
    has the labels in its own name, then the one nearest to the movie. A movie is left out where this decides nothing.

    Args:
        root: The folder.
        skip: A folder in it that is not searched: where results are written.

    Raises:
        TrackingError: It is no folder, or cannot be read.
    """
    if not root.is_dir():
        raise TrackingError(f"`{root}` must be the folder of the challenge's movies, and is no folder")
    search = _Search(root)
    for folder, files in _walk(root, skip, search.warnings):
        search.look_at(folder, files)
    return search.result()


def _walk(root: Path, skip: Path | None, warnings: list[str]) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder once, with its files, both in the order of their names; hidden ones are passed over."""
    seen = {skip.resolve()} if skip else set()

    def refuse(error: OSError) -> None:
        raise TrackingError(f"`{error.filename}` cannot be read: {error.strerror or error}") from error

    for name, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        folder = Path(name)
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        is_result = folder != root and _is_result(folder)
        if (place := folder.resolve()) in seen or is_result:
            if is_result and place not in seen:
                warnings.append(f"left out: `{folder}`, which medseg wrote: tracks that it found look like the truth")
            folders.clear()
            continue
        seen.add(place)
        yield folder, [folder / one for one in sorted(files) if not one.startswith(".")]


def _is_result(folder: Path) -> bool:
    """Whether medseg wrote the folder: tracks that it found look like the truth.

    Every command leaves its record when it ends; a benchmark that was killed has results all the same.
    """
    return (folder / "run.json").is_file() or ((folder / "results.json").is_file() and (folder / "tracks").is_dir())


class _Search:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.frames: dict[ChallengeLabels, Path] = {}
        self.truths: dict[ChallengeLabels, list[tuple[Path, bool]]] = {}
        self.damaged: set[ChallengeLabels | None] = set()
        self.warnings: list[str] = []

    def look_at(self, folder: Path, files: list[Path]) -> None:
        images = [file for file in files if file.suffix.lower() in _IMAGES]
        named = {file: labels for file in images if (labels := labels_in_name(file.stem))}
        own = labels_in_name(folder.name)
        if named or (own and len(images) > 1):
            self._add_images(folder, images, named, own)
        for file in files:
            if file.suffix.lower() == ".xml" and file.is_file():
                self._add_truth(file, own)

    def _add_images(
        self, folder: Path, images: list[Path], named: dict[Path, ChallengeLabels], own: ChallengeLabels | None
    ) -> None:
        kinds = set(named.values())
        if kinds and len(kinds) == len(named):  # each is a movie of its own, as frames come in numbers
            for file, labels in named.items():
                self._add_frames(labels, file)
            return
        try:
            order_frames(folder, images)
            if len(kinds) > 1:
                raise TrackingError(f"`{folder}` holds frames of several movies: give each its folder")
        except TrackingError as error:
            self.warnings.append(f"left out: {error}")
            self.damaged |= kinds or {own}
            return
        of_frames = next(iter(kinds), own)
        if of_frames:
            self._add_frames(of_frames, folder)

    def _add_frames(self, labels: ChallengeLabels, path: Path) -> None:
        if labels in self.frames:
            self.warnings.append(f"{labels} is there twice: `{path}` was left out, `{self.frames[labels]}` taken")
        else:
            self.frames[labels] = path

    def _add_truth(self, file: Path, of_folder: ChallengeLabels | None) -> None:
        in_name = labels_in_name(file.stem)
        try:
            is_tracks, in_file = labels_in_xml(file)
        except TrackingError as error:
            if in_name or of_folder:
                self.warnings.append(f"left out: {error}")
                self.damaged.add(in_name or of_folder)
            return
        except OSError as error:
            self.warnings.append(f"left out: `{file}` cannot be read: {error.strerror or error}")
            self.damaged.add(in_name or of_folder)
            return
        labels = in_name or of_folder or in_file
        if is_tracks and labels:
            self.truths.setdefault(labels, []).append((file, in_name is not None))

    def result(self) -> ChallengeFolder:
        movies = []
        for labels in sorted(self.frames, key=lambda one: one.place):
            truth = self._truth_of(labels)
            if truth:
                movies.append(ChallengeMovie(labels, self.frames[labels], truth))
        for labels in sorted(self.truths.keys() - self.frames.keys(), key=lambda one: one.place):
            self.warnings.append(f"left out: {labels} has a truth, `{self.truths[labels][0][0]}`, but no movie")
        known = {*self.frames, *self.truths, *(one for one in self.damaged if one)}
        left_out = sorted(known - {movie.labels for movie in movies}, key=lambda one: one.place)
        return ChallengeFolder(tuple(movies), tuple(left_out), tuple(self.warnings))

    def _truth_of(self, labels: ChallengeLabels) -> Path | None:
        movie, found = self.frames[labels], self.truths.get(labels, [])
        if not found:
            self.warnings.append(f"left out: {labels} has no truth, an XML of the challenge, for `{movie}`")
            return None
        rank = {file: (self._says_truth(file), is_named, _nearness(file, movie)) for file, is_named in found}
        best = max(rank.values())
        first, *others = sorted(rank, key=lambda file: rank[file], reverse=True)
        # Copies of the same file are no choice.
        others = [file for file in others if _digest(file) != _digest(first)]
        if any(rank[file] == best for file in others):
            both = f"`{first}` and `{others[0]}`"
            self.warnings.append(f"left out: {labels} has two tracks that may be its truth, {both}: keep one of them")
            return None
        if others:
            self.warnings.append(f"{labels}: `{first}` was taken as the truth, not `{others[0]}`")
        return first

    def _says_truth(self, file: Path) -> bool:
        return bool(_SAYS_TRUTH.search(str(file.relative_to(self.root))))


def _nearness(file: Path, movie: Path) -> int:
    """How many folders of the file's path lead to the movie too."""
    return len(Path(os.path.commonpath([file.parent, movie])).parts)


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
