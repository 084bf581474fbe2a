from typing import Any

import numpy as np
import pandas as pd

from tracking.errors import TrackingError


def plain_column(path: object, column: pd.Series) -> tuple[np.ndarray, np.ndarray | None]:
    """A column as an array of plain numbers, truth values or text, for formats that know nothing else.

    Args:
        path: named in the error.
        column: of the table of tracks.

    Returns:
        The values, shape ``(n,)``, with 0 or an empty text where there is none, and where that is, or None if nowhere.

    Raises:
        TrackingError: the column holds something else.
    """
    is_missing = column.isna().to_numpy(bool)
    missing = is_missing if is_missing.any() else None
    if pd.api.types.is_bool_dtype(column):
        return column.to_numpy(bool, na_value=False), missing
    if pd.api.types.is_integer_dtype(column):
        kind: Any = getattr(column.dtype, "numpy_dtype", column.dtype)
        # Of two types for the same integers (C's long and long long) Zarr knows but the one that has the name.
        return column.to_numpy(kind, na_value=0).astype(np.dtype(kind).str), missing
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(np.float64 if column.dtype != np.float32 else np.float32, na_value=0)
        return np.where(is_missing, values.dtype.type(0), values), missing
    texts = column.to_numpy(object)
    if all(isinstance(text, str) for text in texts[~is_missing]):
        return np.where(is_missing, "", texts).astype(np.str_), missing
    raise TrackingError(f"`{path}`: column {column.name} must hold numbers or text, got {column.dtype}")


def with_missing(values: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
    """The way back: NaN where a number is missing, and None where a text is."""
    if values.dtype.kind == "U":
        texts = values.astype(object)
        texts[np.zeros(len(texts), bool) if missing is None else missing] = None
        return texts
    if missing is None or not missing.any():
        return values
    return np.where(missing, np.nan, values)
