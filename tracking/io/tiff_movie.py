import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracking.errors import TrackingError
from tracking.io.movie_axes import StoredAxes
from tracking.io.movie_units import StoredSteps
from tracking.io.ome_metadata import MOST_PLANES, OmeMetadata, read_ome_metadata
from tracking.io.plane_grid import read_planes
from tracking.io.tiff_metadata import imagej_axes, imagej_steps

if TYPE_CHECKING:
    from tifffile import FileHandle, TiffFile, TiffFrame, TiffPage, TiffPageSeries

# Deflate cannot shrink below 1/1032.
_MOST_EXPANSION = 1100


@contextmanager
def quiet_tifffile() -> Iterator[None]:
    """Silence tifffile's log: what it complains of while it opens a file is refused here in a sentence, or mended."""
    logger = logging.getLogger("tifffile")
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


class TiffSource:
    """A TIFF of any kind tifffile knows, read page by page: plain, ImageJ, OME, Micro-Manager, LSM; BigTIFF or not.

    Where all pixels lie in one stretch they are read from there without looking at the pages, and the file is not kept
    open. They are read rather than mapped into memory, as a mapped movie counts as memory of the process.

    Args:
        path: The file.
        axes: The user's option: a file whose metadata make no sense is then read as plain pages.
    """

    def __init__(self, path: Path, axes: str | None = None):
        import tifffile

        self._path = path
        try:
            # An NDTiff index names files anywhere; the same pages can be read without it.
            with quiet_tifffile():
                self._tif = tifffile.TiffFile(path, is_ndtiff=False)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # tifffile's own, struct's, and what damaged tags lead to
            raise TrackingError(f"`{path.name}` is not a TIFF file, or its header is damaged ({error})") from error
        try:
            with quiet_tifffile():
                self._prepare(axes)
        except (TrackingError, OSError, MemoryError):
            self.close()
            raise
        except Exception as error:
            self.close()
            raise TrackingError(f"`{path.name}` is damaged: its pages cannot be read as one movie ({error})") from error

    def _prepare(self, axes: str | None) -> None:
        page = _first_page(self._path, self._tif)
        ome = _checked_ome(self._path, page)
        _require_sane_micromanager(self._path, self._tif)
        self._series = _one_series(self._path, self._tif, ome, axes)
        keyframe = self._series.keyframe
        self.dtype = np.dtype(self._series.dtype).newbyteorder(self._tif.byteorder)
        self.axes, self._offset = _layout(self._tif, self._series, page)
        self.steps = StoredSteps()
        if ome is not None:
            self.steps = ome.steps
            self.axes = StoredAxes(self.axes.letters, self.axes.shape, ome.channel_names)
        elif self._tif.is_imagej:
            self.steps = imagej_steps(self._tif.imagej_metadata or {}, page)
        self._grid, self._plane_shape = _split(self._path, self.axes, keyframe.shape, self._offset is not None)
        self.files = _files(self._path, self._series)
        self.folders: tuple[Path, ...] = ()
        _require_plausible(self._path, self.axes, self.dtype, self.files)
        _require_decodable(self._path, keyframe)
        if self._offset is not None:
            self._tif.close()

    def read(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """Part of the array; see `tracking.io.movie.PixelSource`."""
        return read_planes(index, self._grid, self._read_stretch if self._offset is not None else self._read_page)

    def _read_stretch(self, number: int) -> np.ndarray:
        count = math.prod(self._plane_shape)
        offset = (self._offset or 0) + number * count * self.dtype.itemsize
        plane = np.fromfile(self._path, self.dtype, count, offset=offset)
        if len(plane) < count:
            raise EOFError("the file is cut short")
        return plane.reshape(self._plane_shape)

    def _read_page(self, number: int) -> np.ndarray:
        try:
            page = self._series[number]
        except IndexError:
            page = None
        if page is None or not page.databytecounts or 0 in page.databytecounts:
            raise EOFError("the file is cut short, or has no page for it")
        with quiet_tifffile(), _opened(page.parent.filehandle):
            return self._checked(page)

    def _checked(self, page: "TiffPage | TiffFrame") -> np.ndarray:
        import tifffile

        handle = page.parent.filehandle
        if max(o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)) > handle.size:
            raise EOFError("the file is cut short")
        if isinstance(page, tifffile.TiffFrame) and page.offset:
            # tifffile reads only where the pixels of a page are, and takes the rest from the first page.
            page = page.aspage()
            if page.hash != self._series.keyframe.hash:
                raise TrackingError(
                    f"`{self._path.name}` must hold pages of one shape and type, stored in one way, but its first is"
                    f" {_shown(self._series.keyframe)}, and page {page.index} is {_shown(page)}"
                )
        return page.asarray().reshape(self._plane_shape)

    def close(self) -> None:
        """Close the file."""
        self._tif.close()


@contextmanager
def _opened(handle: "FileHandle") -> Iterator[None]:
    """Open a file of a set for one page: of a set of thousands not all could stay open."""
    is_closed = handle.closed
    if is_closed:
        handle.open()
    try:
        yield
    finally:
        if is_closed:
            handle.close()


def _first_page(path: Path, tif: "TiffFile") -> "TiffPage":
    try:
        return tif.pages.first
    except IndexError as error:
        raise TrackingError(f"`{path.name}` is damaged or cut short: it holds no page") from error


def _checked_ome(path: Path, page: "TiffPage") -> OmeMetadata | None:
    """Metadata of an OME-TIFF. tifffile parses other kinds of XML too, so that every description of XML is checked."""
    text = page.description.strip()
    if page.is_ome:
        return read_ome_metadata(path, text)
    if text.startswith("<") and ("<!DOCTYPE" in text or "<!ENTITY" in text):
        raise TrackingError(f"`{path.name}` is refused: its metadata declare a document type or entities")
    return None


def _require_sane_micromanager(path: Path, tif: "TiffFile") -> None:
    """Refuse numbers of planes that tifffile would make lists of."""
    if not tif.is_micromanager:
        return
    summary = (tif.micromanager_metadata or {}).get("Summary") or {}
    sizes = [int(summary.get(name) or 1) for name in ("Channels", "Slices", "Positions", "Frames")]
    if math.prod(max(size, 1) for size in sizes) > MOST_PLANES:
        raise TrackingError(f"`{path.name}` is damaged: its Micro-Manager metadata claim {math.prod(sizes)} planes")


def _one_series(path: Path, tif: "TiffFile", ome: OmeMetadata | None, axes: str | None) -> "TiffPageSeries":
    """The pages that make the movie.

    What was written to one file stack by stack with tifffile has a series for every stack: they are put together.
    """
    import tifffile

    if _is_written_by_page(tif):
        # As plain pages: tifffile's time to tell the series apart grows with the square of their number.
        tif.is_shaped = False  # type: ignore[attr-defined]
    try:
        series = tif.series
    except RuntimeError:  # tifffile's word for pages that differ
        series = tif._series_generic() or []
    if not series:
        raise TrackingError(f"`{path.name}` is damaged: it holds no image")
    first = series[0]
    if first.kind in ("lsm", "stk", "sis"):  # further series are previews
        return first
    if ome is not None and first.kind not in ("ome", "mmstack") and axes is None:
        raise TrackingError(
            f"`{path.name}` has OME metadata that do not match its pages: give --axes, such as TYX or TZYX, to read the"
            " pages as they come"
        )
    if ome is not None and max(len(series), ome.n_images) > 1:
        raise TrackingError(
            f"`{path.name}` holds {max(len(series), ome.n_images)} images (positions): save one movie a file"
        )
    if len(series) == 1:
        return first
    for other in series[1:]:
        if first.kind != "shaped" or (other.shape, other.dtype) != (first.shape, first.dtype):
            raise TrackingError(
                f"`{path.name}` must hold pages of one shape and type, stored in one way, but its first is"
                f" {_shown(first.keyframe)}, and page {other.keyframe.index} is {_shown(other.keyframe)}"
            )
    pages = [page for one in series for page in one]
    return tifffile.TiffPageSeries(
        pages, (len(series), *first.shape), first.dtype, "I" + first.axes.replace("I", "Q"), parent=tif, kind="uniform"
    )


def _is_written_by_page(tif: "TiffFile") -> bool:
    """Whether every page has a description of tifffile's that speaks of this page alone."""
    if not tif.is_shaped or not tif.pages.is_multipage:
        return False
    first, second = tif.pages.first, tif.pages[1].aspage()
    # Its format of before 2018 is not JSON, and begins otherwise.
    text = first.shaped_description or ""
    if second.shaped_description is None or not text.startswith("{"):
        return False
    return bool(math.prod(json.loads(text)["shape"]) == math.prod(first.shape))


def _shown(page: "TiffPage") -> str:
    return f"{page.dtype} {'x'.join(map(str, page.shape))}"


def _layout(tif: "TiffFile", series: "TiffPageSeries", page: "TiffPage") -> tuple[StoredAxes, int | None]:
    """Axes of the array, and where its pixels begin if they lie in one stretch.

    A file that is cut short keeps the frames it should have: the lost ones cannot be read.
    """
    letters, shape = series.get_axes(squeeze=False), tuple(map(int, series.get_shape(squeeze=False)))
    metadata: dict[str, Any] = tif.imagej_metadata or {} if tif.is_imagej else {}
    if metadata and series.kind != "imagej" and page.is_final and len(page.shape) == 2:
        claimed = imagej_axes(metadata, (page.shape[0], page.shape[1]))
        if math.prod(claimed.shape) > math.prod(shape):
            return claimed, page.dataoffsets[0]
    offset = series.dataoffset
    if offset is None and series.kind in ("uniform", "generic") and _is_chain_broken(tif):
        if letters[0] == "I":
            shape = (shape[0] + 1, *shape[1:])
        else:
            letters, shape = "I" + letters, (2, *shape)
    return StoredAxes(letters, shape), offset


def _is_chain_broken(tif: "TiffFile") -> bool:
    """Whether the last page that was found names a further one, which then lies beyond the end."""
    last = tif.pages[len(tif.pages) - 1]
    handle, layout = tif.filehandle, tif.tiff
    handle.seek(last.offset)
    n_tags = int.from_bytes(handle.read(layout.tagnosize), "little" if tif.byteorder == "<" else "big")
    handle.seek(last.offset + layout.tagnosize + n_tags * layout.tagsize)
    following = handle.read(layout.offsetsize)
    return len(following) < layout.offsetsize or any(following)


def _split(
    path: Path, axes: StoredAxes, page_shape: tuple[int, ...], is_stretch: bool
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes of the axes along which planes are numbered, and of those within a plane."""
    if is_stretch:
        first = min(axes.letters.index(letter) for letter in "YXS" if letter in axes.letters)
        return axes.shape[:first], axes.shape[first:]
    for n_inner in range(len(axes.shape) + 1):
        n_outer = len(axes.shape) - n_inner
        if math.prod(axes.shape[n_outer:]) == math.prod(page_shape):
            # Colours of size one lie behind Y and X, further axes of size one before them.
            return axes.shape[:n_outer], axes.shape[n_outer:]
    raise TrackingError(f"`{path.name}` is damaged: its shape {axes.shape} does not fit its pages of {page_shape}")


def _files(path: Path, series: "TiffPageSeries") -> tuple[Path, ...]:
    if not series.is_multifile:
        return (path,)
    names = {page.parent.filehandle.name: None for page in series if page is not None}
    return (path, *(path.parent / name for name in names if name != path.name))


def _require_plausible(path: Path, axes: StoredAxes, dtype: np.dtype, files: tuple[Path, ...]) -> None:
    claimed = math.prod(axes.shape) * dtype.itemsize
    stored = sum(file.stat().st_size for file in files)
    if claimed > _MOST_EXPANSION * stored:
        raise TrackingError(
            f"`{path.name}` is damaged: its header claims {claimed} bytes of pixels in a file of {stored} bytes"
        )


def _require_decodable(path: Path, page: "TiffPage") -> None:
    import tifffile

    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError as error:
        kind = getattr(page.compression, "name", str(page.compression))
        raise TrackingError(
            f"`{path.name}` is compressed with {kind}, which needs the package imagecodecs: pip install imagecodecs"
        ) from error
