import hashlib
import json
import operator
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from tracking.errors import TrackingError
from tracking.io.movie_axes import MovieAxes, StoredAxes
from tracking.io.movie_units import StoredSteps

_ENDS = 65536


class PixelSource(Protocol):
    """The stored array a movie is read from, one part at a time.

    Attributes:
        axes: Axes and shape of the array.
        dtype: Its type, in the file's byte order.
        steps: Distances between pixels and frames by the metadata.
        files: Files that are read, in order; of an OME-Zarr only those that hold metadata.
        folders: Folders of which all entries belong to the movie, where `files` are not all.
    """

    axes: StoredAxes
    dtype: np.dtype
    steps: StoredSteps
    files: tuple[Path, ...]
    folders: tuple[Path, ...]

    def read(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """What ``stored[index]`` would be if the array were in memory.

        ``index`` has one entry per axis: a number, or ``slice(None)``. Any error says that this part is damaged.
        """

    def close(self) -> None:
        """Close the files; a second time does nothing."""


class UnreadableFrame(TrackingError):
    """A frame that is damaged or missing in the file.

    Attributes:
        index: The frame, from 0.
        what: What is wrong, without what to do about it.
    """

    def __init__(self, index: int, path: Path, reason: str):
        self.index = index
        self.what = f"frame {index} of `{path.name}` cannot be read ({reason})"
        super().__init__(f"{self.what}: mend the file, or give --skip-bad-frames to go on without such frames")


class Movie:
    """Frames over time, read one by one. Made by `open_movie`; a context manager that closes its files.

    Attributes:
        path: The file or folder.
        axes: Which axis of the stored array is which, and the channel that is read.
        dtype: Type of the frames, in the machine's byte order. It is the file's own, save that float16 becomes float32.
        pixel_size: Micrometres per pixel, in x and y alike; None if unknown.
        z_step: Micrometres per slice; None if unknown, or if the frames are flat.
        frame_interval: Seconds per frame; None if unknown.
        ignores_z_step: Whether a distance of slices was given although the frames are flat.
    """

    def __init__(
        self,
        path: Path,
        source: PixelSource,
        axes: MovieAxes,
        dtype: np.dtype,
        pixel_size: float | None,
        z_step: float | None,
        frame_interval: float | None,
        *,
        ignores_z_step: bool = False,
    ):
        self.path = path
        self.axes = axes
        self.dtype = np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")
        self.pixel_size = pixel_size
        self.z_step = z_step
        self.frame_interval = frame_interval
        self.ignores_z_step = ignores_z_step
        self._source = source

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return self.axes.n_frames

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame: ``(Y, X)``, or ``(Z, Y, X)`` of several slices."""
        return self.axes.frame_shape

    @property
    def is_3d(self) -> bool:
        """Whether a frame has several slices."""
        return len(self.frame_shape) == 3

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read, in order; of an OME-Zarr only those that hold metadata."""
        return self._source.files

    def frame(self, index: int) -> np.ndarray:
        """One frame of the chosen channel, an array of its own of shape `frame_shape` and type `dtype`.

        Raises:
            UnreadableFrame: The file is damaged there.
            TrackingError: The frame has another shape or type than the movie.
            IndexError: There is no such frame.
        """
        index = operator.index(index)
        if not 0 <= index < self.n_frames:
            raise IndexError(f"`index` must be from 0 to {self.n_frames - 1}, got {index}")
        try:
            stored = self._source.read(self.axes.index(index))
        except (TrackingError, MemoryError):
            raise
        except Exception as error:  # every library and codec has its own
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise UnreadableFrame(index, self.path, reason) from error
        frame = self.axes.frame_of(stored)
        if frame.shape != self.frame_shape:
            raise UnreadableFrame(index, self.path, f"it has the shape {frame.shape}, not {self.frame_shape}")
        return np.array(frame, self.dtype, order="C")

    def fingerprint(self) -> str:
        """Identity of the movie for resuming, in 64 hexadecimal digits.

        It covers names, sizes and times of the files (of an OME-Zarr: of what its folders list), the first and last
        64 KiB of the first and the last of them, the axes and the channel. The pixels between are not read, and the
        folder above may be another.
        """
        digest = hashlib.sha256(json.dumps([self.path.name, *self.axes.identity(), self.dtype.str]).encode())
        for file in self._source.files:
            digest.update(_stat(file))
        for folder in self._source.folders:
            for entry in sorted(folder.iterdir()):
                digest.update(_stat(entry))
        for file in {self._source.files[0]: None, self._source.files[-1]: None}:
            with file.open("rb") as stream:
                digest.update(stream.read(_ENDS))
                stream.seek(max(file.stat().st_size - _ENDS, 0))
                digest.update(stream.read(_ENDS))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the files."""
        self._source.close()

    def __enter__(self) -> "Movie":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stat(path: Path) -> bytes:
    facts = path.stat()
    return json.dumps([path.name, facts.st_size, facts.st_mtime_ns]).encode()
