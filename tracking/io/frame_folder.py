from pathlib import Path

import numpy as np

from tracking.errors import TrackingError
from tracking.io.frame_names import order_frames
from tracking.io.frame_png import png_header, read_png
from tracking.io.movie_axes import StoredAxes
from tracking.io.movie_units import StoredSteps
from tracking.io.plane_grid import read_planes
from tracking.io.tiff_movie import TiffSource, quiet_tifffile

_SUFFIXES = (".png", ".tif", ".tiff")


class FrameFolderSource:
    """A folder in which every file is a frame, or by the challenge's naming a slice of one.

    Files that are no PNG or TIFF are ignored, and so are hidden ones. A TIFF of several pages is a frame of several
    slices. The headers of all files are compared before the first frame is read.
    """

    def __init__(self, path: Path):
        files = [
            file
            for file in path.iterdir()
            if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file()
        ]
        if not files:
            raise TrackingError(
                f"`{path}` holds no frames: PNG or TIFF files, or an OME-Zarr, were expected in the folder"
            )
        if len({file.suffix.lower().rstrip("f") for file in files}) > 1:
            raise TrackingError(f"`{path}` holds PNG and TIFF files: which of them are the frames cannot be told")
        found = order_frames(path, files)
        self.files = found.files
        self.folders: tuple[Path, ...] = ()
        self._grid = found.grid
        self._is_png = self.files[0].suffix.lower() == ".png"
        first = _require_alike(path, self.files)
        letters, self._shape, self.dtype, self.steps = _stored(first)
        if found.n_slices is not None and "Z" in letters:
            raise TrackingError(f"`{first.name}` must be one slice, as its name has a z, but holds {self._shape[0]}")
        self.axes = StoredAxes("TZ"[: len(self._grid)] + letters, (*self._grid, *self._shape))

    def read(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """Part of the array; see `tracking.io.movie.PixelSource`."""
        return read_planes(index, self._grid, self._read_file)

    def _read_file(self, number: int) -> np.ndarray:
        file = self.files[number]
        pixels = read_png(file) if self._is_png else _read_tiff(file)
        if (pixels.shape, pixels.dtype) != (self._shape, self.dtype.newbyteorder("=")):
            raise _unlike(file, pixels.shape, pixels.dtype, self._shape, self.dtype)
        return pixels

    def close(self) -> None:
        """Nothing is kept open."""


def _require_alike(folder: Path, files: tuple[Path, ...]) -> Path:
    """Compare the headers of all files that have a readable one, and return the first of these."""
    reference: tuple[Path, tuple[int, ...], np.dtype] | None = None
    for file in files:
        try:
            shape, dtype = png_header(file) if file.suffix.lower() == ".png" else _tiff_header(file)
        except TrackingError:
            raise
        except Exception:
            continue  # it is told of when it is read, and may be skipped
        if reference is None:
            reference = file, shape, dtype
        elif (shape, dtype) != reference[1:]:
            raise _unlike(file, shape, dtype, *reference[1:])
    if reference is None:
        raise TrackingError(f"none of the {len(files)} files in `{folder}` can be read as PNG or TIFF")
    return reference[0]


def _unlike(
    file: Path, shape: tuple[int, ...], dtype: np.dtype, other_shape: tuple[int, ...], other_dtype: np.dtype
) -> TrackingError:
    return TrackingError(
        f"`{file.name}` must have the shape {other_shape} and type {other_dtype.name} of the other frames, got {shape}"
        f" and {dtype.name}"
    )


def _tiff_header(file: Path) -> tuple[tuple[int, ...], np.dtype]:
    import tifffile

    with quiet_tifffile(), tifffile.TiffFile(file) as tif:
        page = tif.pages.first
        return page.shape, np.dtype(page.dtype).newbyteorder("=")


def _stored(file: Path) -> tuple[str, tuple[int, ...], np.dtype, StoredSteps]:
    """Axes, shape, type and steps of one frame's file."""
    if file.suffix.lower() == ".png":
        shape, dtype = png_header(file)
        return "YXS"[: len(shape)], shape, dtype, StoredSteps()
    source = TiffSource(file)
    source.close()
    axes = source.axes.squeezed()
    unknown = [letter for letter in axes.letters if letter not in "TCZYXS"]
    if "T" in axes.letters:
        raise TrackingError(
            f"`{file.name}` is a movie of its own and not a frame: give the file, or leave only single frames in the"
            " folder"
        )
    if len(unknown) > 1 or (unknown and "Z" in axes.letters):
        raise TrackingError(f"`{file.name}` must be one frame, got the shape {axes.shape}")
    letters = axes.letters.replace(unknown[0], "Z") if unknown else axes.letters
    return letters, axes.shape, source.dtype, source.steps


def _read_tiff(file: Path) -> np.ndarray:
    try:
        source = TiffSource(file)
    except TrackingError as error:
        raise ValueError(str(error)) from error  # as with any other damage, this frame is lost and not the movie
    try:
        pixels = source.read((slice(None),) * len(source.axes.shape))
    finally:
        source.close()
    shape = source.axes.squeezed().shape
    return pixels.reshape(shape).astype(pixels.dtype.newbyteorder("="), copy=False)
