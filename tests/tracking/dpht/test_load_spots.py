from pathlib import Path

import pytest
import torch

from tracking.dpht.load_spots import LoadSpots
from tracking.errors import TrackingError


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("frame,x,y\n0,1.5,2\n1,3,4\n", [[0, 1.5, 2], [1, 3, 4]]),
        ("y,mass,frame,x\n2,9,1,1.5\n4,9,0,3\n", [[0, 3, 4], [1, 1.5, 2]]),  # other columns, frames in disorder
        ("frame,x,y,z\n7,1,2,3\n", [[7, 1, 2, 3]]),
    ],
)
def test_columns_are_found_by_name_and_rows_ordered_by_frame(tmp_path: Path, text: str, rows: list) -> None:
    (tmp_path / "movie.csv").write_text(text)
    loaded = LoadSpots()({"spots": str(tmp_path / "movie.csv")})
    assert loaded["name"] == "movie"
    assert torch.equal(loaded["spots"], torch.tensor(rows, dtype=torch.float64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"frame,x\n0,1\n", "needs the columns frame, x and y"),
        (b"frame,x,y\n", "and a row a spot"),
        (b"", "needs the columns"),
        (b"frame,x,y\n0,1\n", "needs a number in every cell of frame, x, y$"),
        (b"frame,x,y\n0,1,none\n", "needs a number in every cell"),
        (b"frame,x,y\n#0,1,2\n1,1,2\n", "needs a number in every cell"),
        (b"frame,x,y\n0,1,inf\n", "needs a finite number"),
        (b"\xff\xfe\x00", "is not a CSV table"),
    ],
)
def test_what_is_no_table_of_spots_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "movie.csv").write_bytes(content)
    with pytest.raises(TrackingError, match=message):
        LoadSpots()({"spots": str(tmp_path / "movie.csv")})
