import re
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.io.safe_xml import shortened
from tracking.io.tracks_from_table import tracks_from_table
from tracking.tracks import OPTIONAL_COLUMNS, Tracks

_REQUIRED = ("frame", "particle", "x", "y")
_PARENTS = "parents"
# Since pandas 3.1 numbers are always read exactly, and to ask for it is deprecated.
_EXACT: Literal["round_trip"] | None = "round_trip" if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1) else None


def read_csv_tracks(path: str | Path) -> Tracks:
    """Read a table of tracks: trackpy's DataFrame as CSV, or what `write_csv_tracks` wrote.

    Columns are those of `tracking.tracks.Tracks`, in any order; the index that pandas writes as a first column without
    a name is left out. The format holds no pixel size and no frame interval: both are unknown.

    Raises:
        TrackingError: not a CSV, a column is missing (a table of detections has no ``particle``), or a cell that must
            be a number is not one; the sentence names the line.
        OSError: the file cannot be read.
    """
    path = Path(path)
    table = _without_index(_read(path))
    missing = [name for name in _REQUIRED if name not in table]
    if missing == ["particle"]:
        raise TrackingError(f"`{path}` holds detections but no tracks: it has no column particle; link them first")
    if missing:
        shown = ", ".join(map(str, table.columns[:12]))
        raise TrackingError(
            f"`{path}` needs the columns frame, particle, x and y, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing among {shown}"
        )
    for name in (*_REQUIRED, *(name for name in ("z", *OPTIONAL_COLUMNS) if name in table)):
        _require_numbers(path, table, name)
    parents = _read_parents(path, table) if _PARENTS in table else {}
    return tracks_from_table(path, table.drop(columns=_PARENTS, errors="ignore").reset_index(drop=True), parents)


def write_csv_tracks(path: str | Path, tracks: Tracks) -> None:
    """Write tracks as CSV with trackpy's columns: frame, particle, x, y, z if there is one, and all others.

    Numbers are read back exactly, and a missing value is an empty cell. Where particles begin by a split or a merge, a
    column ``parents`` names the particles they come from, joined by semicolons, in the first row of each. Lost are
    pixel size, slice distance and frame interval, and the exact type of columns with text or single-precision numbers.

    Raises:
        TrackingError: there is a column ``parents`` already, or the file cannot be written.
    """
    spots = tracks.spots
    if _PARENTS in spots:
        raise TrackingError(f"`{path}`: a CSV keeps the column `{_PARENTS}` for merges and splits, rename yours")
    first = ["frame", "particle", *(name for name in ("x", "y", "z") if name in spots)]
    table = spots[[*first, *(name for name in spots.columns if name not in first)]]
    # In single precision pandas writes fewer digits, which read as another number.
    table = table.astype({name: np.float64 for name in table.select_dtypes(["float16", "float32"]).columns})
    if tracks.parents:
        is_first = ~spots["particle"].duplicated()
        text = {child: ";".join(map(str, of)) for child, of in tracks.parents.items()}
        table = table.assign(**{_PARENTS: spots["particle"].map(text).where(is_first)})
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")


def _read(path: Path, *, as_text: bool = False) -> pd.DataFrame:
    """The table, indexed by line of the file less 2, so that an error can name the line."""
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            # pandas only warns of rows with more cells than the header, and drops them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                stream,
                index_col=False,
                dtype=str if as_text else {_PARENTS: str},
                keep_default_na=not as_text,
                skip_blank_lines=False,
                float_precision=_EXACT,
                low_memory=False,
                encoding="utf-8-sig",
            )
    except pd.errors.EmptyDataError as error:
        raise TrackingError(f"`{path}` is empty, a table of tracks needs at least a header line") from error
    except pd.errors.ParserWarning as error:
        raise TrackingError(f"`{path}` has rows with more cells than its header") from error
    except (pd.errors.ParserError, UnicodeError, ValueError, OverflowError) as error:
        raise TrackingError(f"`{path}` is not a CSV table: {str(error).strip().splitlines()[-1]}") from error
    return table.dropna(how="all")


def _without_index(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the index columns that pandas wrote: one without a name, or frame a second time."""
    unnamed = [name for name in table.columns if re.fullmatch(r"Unnamed: \d+(\.\d+)?", str(name))]
    if "frame.1" in table and table["frame.1"].equals(table["frame"]):
        unnamed.append("frame.1")
    return table.drop(columns=unnamed)


def _require_numbers(path: Path, table: pd.DataFrame, name: str) -> None:
    values = table[name]
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        is_bad = values.isna() if name in (*_REQUIRED, "z", "virtual") else pd.Series(False, values.index)
    elif name == "virtual":
        is_bad = ~values.isin([True, False])
    else:
        is_bad = pd.to_numeric(values, errors="coerce").isna() & (values.notna() | (name in (*_REQUIRED, "z")))
    if is_bad.any():
        line = int(is_bad.index[int(np.argmax(is_bad))])
        # pandas reads nan, null and their like as it reads nothing.
        text = str(_read(path, as_text=True).at[line, name]).strip()
        shown = shortened(text) if text else "an empty cell"
        kind = "True or False" if name == "virtual" else "a number"
        raise TrackingError(f"`{path}`, line {line + 2}: {name} must be {kind}, got {shown}")


def _read_parents(path: Path, table: pd.DataFrame) -> dict[int, tuple[int, ...]]:
    parents: dict[int, tuple[int, ...]] = {}
    for line, child, text in table.loc[table[_PARENTS].notna(), ["particle", _PARENTS]].itertuples(name=None):
        if not re.fullmatch(r"\s*\d{1,16}\s*(;\s*\d{1,16}\s*)*", text):
            raise TrackingError(
                f"`{path}`, line {line + 2}: parents must be numbers of particles such as 3;7, got {shortened(text)}"
            )
        of = tuple(int(number) for number in text.split(";"))
        if parents.setdefault(int(child), of) != of:
            raise TrackingError(
                f"`{path}`, line {line + 2}: particle {int(child)} has other parents in an earlier line"
            )
    return parents
