import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
from pydantic import BaseModel

from tracking import detection
from tracking.atomic import atomic_path
from tracking.detection import DetectionOptions, Detector, prepare_detector
from tracking.detection.pixels import has_spread
from tracking.errors import TrackingError
from tracking.io.movie import Movie, UnreadableFrame

_FRAMES_PER_PART = 50
_SAMPLE = 10
_FORMAT = 2  # of the parts; another number makes older parts be made anew


class _Attributes(BaseModel, extra="forbid"):
    """What a part tells beside its spots: see `DetectedMovie`, and its last frame's CRC."""

    skipped: list[int]
    repeated: list[int]
    blank: list[int]
    missing: list[tuple[int, int]]
    checksum: int | None


@dataclass(frozen=True)
class DetectedMovie:
    """The spots of a movie, on disk in parts of 50 frames so that neither memory nor a killed process loses them.

    Attributes:
        parts: Parquet files in the order of frames, each a detector's table with the column ``frame``.
        skipped: Frames that could not be read.
        repeated: Frames equal to the one before, pixel for pixel.
        blank: Frames whose pixels all have one value.
        missing: Frames in which some pixels are NaN or infinite, each with how many.
        reused: Frames whose spots an earlier, interrupted call had found.
    """

    parts: tuple[Path, ...]
    skipped: tuple[int, ...]
    repeated: tuple[int, ...]
    blank: tuple[int, ...]
    missing: tuple[tuple[int, int], ...]
    reused: int

    @property
    def first_frames(self) -> range:
        """The first frame of every part."""
        return range(0, len(self.parts) * _FRAMES_PER_PART, _FRAMES_PER_PART)

    def tables(self) -> Iterator[pd.DataFrame]:
        """The parts, one at a time."""
        for part in self.parts:
            yield _read_part(part)

    def columns(self, names: tuple[str, ...]) -> pd.DataFrame:
        """Some columns of all spots, in the order of frames: what linking needs in memory at once."""
        return pd.concat([_read_part(part, list(names)) for part in self.parts], ignore_index=True)


def detector_of(movie: Movie, options: DetectionOptions, *, skip_bad_frames: bool = False) -> Detector:
    """A detector that suits a movie, from ten frames spread over it.

    Raises:
        UnreadableFrame: One of these cannot be read, and ``skip_bad_frames`` is off.
        TrackingError: The movie has a single frame, or nothing in it can be detected on.
    """
    if movie.n_frames < 2:
        raise TrackingError(f"`{movie.path.name}` has a single frame, and tracks need at least 2")
    return prepare_detector(_sample(movie, skip_bad_frames), options)


def detect_movie(
    movie: Movie,
    detector: Detector,
    folder: Path,
    *,
    skip_bad_frames: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> DetectedMovie:
    """Find the spots of every frame that an earlier, interrupted call has not found yet.

    Args:
        movie: Frames are read one by one; a few are in memory at once.
        detector: Of `detector_of`.
        folder: Holds the parts, those of this movie and this detector alone: see `work_folder` and `detection_key`.
        skip_bad_frames: Pass over a frame that cannot be read or holds no finite pixel.
        workers: Threads that detect.
        progress: Called with the number of frames done and of all frames.

    Raises:
        UnreadableFrame: A frame cannot be read, and ``skip_bad_frames`` is off. What was done before is kept.
    """
    parts: list[Path] = []
    skipped: list[int] = []
    repeated: list[int] = []
    blank: list[int] = []
    missing: list[tuple[int, int]] = []
    reused = 0
    checksum: int | None = None
    for start in range(0, movie.n_frames, _FRAMES_PER_PART):
        stop = min(start + _FRAMES_PER_PART, movie.n_frames)
        part = folder / f"part_{start:07}.parquet"
        if part.exists():
            attributes = _attributes(part)
            reused += stop - start
        else:
            table = _detect_part(movie, detector, range(start, stop), skip_bad_frames, workers, checksum)
            with atomic_path(part) as partial, partial.open("wb") as file:
                table.to_parquet(file)
            attributes = _Attributes.model_validate(table.attrs)
        checksum = attributes.checksum
        skipped += attributes.skipped
        repeated += attributes.repeated
        blank += attributes.blank
        missing += attributes.missing
        parts.append(part)
        if progress:
            progress(stop, movie.n_frames)
    return DetectedMovie(tuple(parts), tuple(skipped), tuple(repeated), tuple(blank), tuple(missing), reused)


def detection_key(movie: Movie, detector: Detector) -> str:
    """What the spots of a movie depend on: its bytes, the options, what was measured on it, and our own code."""
    code = hashlib.sha256()
    for file in sorted(Path(detection.__file__).parent.glob("*.py")):
        code.update(file.read_bytes())
    content = {
        "format": _FORMAT,
        "movie": movie.fingerprint(),
        "options": detector.options.model_dump(mode="json"),
        "settings": dict(detector.settings),
        "code": code.hexdigest(),
        "libraries": [np.__version__, scipy.__version__],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(movie: Movie, index: int, skip_bad_frames: bool) -> np.ndarray | None:
    """A frame, or None if it is to be skipped."""
    try:
        frame = movie.frame(index)
        if frame.dtype.kind == "f" and not np.isfinite(frame).any():
            raise UnreadableFrame(index, movie.path, "it holds no finite pixel")
    except UnreadableFrame:
        if not skip_bad_frames:
            raise
        return None
    return frame


def _sample(movie: Movie, skip_bad_frames: bool) -> list[np.ndarray]:
    indices = np.unique(np.linspace(0, movie.n_frames - 1, _SAMPLE).round().astype(int))
    frames = [frame for index in indices if (frame := _read(movie, int(index), skip_bad_frames)) is not None]
    if not frames:
        raise TrackingError(f"no frame of `{movie.path}` can be read")
    return frames


def _detect_part(
    movie: Movie,
    detector: Detector,
    indices: range,
    skip_bad_frames: bool,
    workers: int,
    checksum: int | None,
) -> pd.DataFrame:
    """The spots of some frames, with `_Attributes` as the table's own."""
    skipped: list[int] = []
    repeated: list[int] = []
    blank: list[int] = []
    missing: list[tuple[int, int]] = []
    tables = []
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[tuple[int, Future[pd.DataFrame]]] = []
        for index in indices:
            frame = _read(movie, index, skip_bad_frames)
            if frame is None:
                skipped.append(index)
                continue
            former, checksum = checksum, zlib.crc32(np.ascontiguousarray(frame).data)
            if checksum == former:
                repeated.append(index)
            if not has_spread(frame):
                blank.append(index)
            if n_missing := frame.size - int(np.isfinite(frame).sum()) if frame.dtype.kind == "f" else 0:
                missing.append((index, n_missing))
            waiting.append((index, pool.submit(detector.detect, frame)))
            if len(waiting) > 2 * workers:  # no more frames in memory than the threads can use
                tables.append(_finished(waiting.pop(0)))
        tables += [_finished(item) for item in waiting]
    if not tables:
        tables = [detector.detect(np.zeros(movie.frame_shape, movie.dtype)).assign(frame=0).head(0)]
    table = pd.concat(tables, ignore_index=True)
    attributes = _Attributes(skipped=skipped, repeated=repeated, blank=blank, missing=missing, checksum=checksum)
    table.attrs.update(attributes.model_dump())
    return table


def _finished(item: tuple[int, Future[pd.DataFrame]]) -> pd.DataFrame:
    index, spots = item
    return spots.result().assign(frame=index)


def _attributes(part: Path) -> _Attributes:
    import pyarrow.parquet

    with part.open("rb") as file:
        return _Attributes.model_validate(pyarrow.parquet.read_schema(file).pandas_metadata["attributes"])


def _read_part(part: Path, columns: list[str] | None = None) -> pd.DataFrame:
    # pyarrow takes no path that is not UTF-8; an open file may have any.
    with part.open("rb") as file:
        return pd.read_parquet(file, columns=columns)
