import numpy as np
import pandas as pd
import pytest

from tracking.errors import TrackingError
from tracking.io.plain_columns import plain_column, with_missing


@pytest.mark.parametrize(
    ("column", "kind", "missing"),
    [
        (pd.Series([1.5, np.nan]), "float64", [False, True]),
        (pd.Series([1.5, 2.5], dtype="float32"), "float32", None),
        (pd.Series([1.5, 2.5], dtype="float16"), "float64", None),
        (pd.Series([1, 2], dtype="uint8"), "uint8", None),
        (pd.Series([1, None], dtype="Int16"), "int16", [False, True]),
        (pd.Series([True, False]), "bool", None),
        (pd.Series([True, None], dtype="boolean"), "bool", [False, True]),
        (pd.Series(["a", "bc"]), "<U2", None),
        (pd.Series(["a", None], dtype=object), "<U1", [False, True]),
        (pd.Series([], dtype=float), "float64", None),
    ],
)
def test_columns_become_plain_arrays_and_back(column, kind, missing):
    values, is_missing = plain_column("tracks", column)
    assert values.dtype == np.dtype(kind)
    assert (None if is_missing is None else is_missing.tolist()) == missing
    back = pd.Series(with_missing(values, is_missing))
    assert back.isna().tolist() == column.isna().tolist()
    assert back.dropna().tolist() == column.dropna().tolist()


def test_other_things_are_refused_with_the_name_of_the_column():
    with pytest.raises(TrackingError, match="`tracks`: column when must hold numbers or text, got datetime64"):
        plain_column("tracks", pd.Series(pd.to_datetime(["2020-01-01"]), name="when"))
    with pytest.raises(TrackingError, match="column mixed must hold numbers or text, got object"):
        plain_column("tracks", pd.Series(["a", 1], dtype=object, name="mixed"))
