from pathlib import Path

import numpy as np
import pytest
import torch

from tracking.dpht.save_links import SaveLinks
from tracking.errors import TrackingError
from tracking.io import read_tracks


def test_the_table_reads_back_as_tracks(tmp_path: Path) -> None:
    #  frame   0   1   2
    #          0 - 1 - 3     spots 0, 1 and 3 are one particle, 2 is another
    #              2
    spots = torch.tensor([[0, 1.1, 2.2], [1, 1.3, 2.1], [1, 9, 9], [2, 1 / 3, 2]], dtype=torch.float64)
    links = torch.tensor(
        [[-1, np.nan, 0.9, 0.8], [0, 0.75, 0.7, 0.9], [-1, np.nan, 0.1, 0.2], [1, 0.5, 0.0, 1.0]], dtype=torch.float64
    )
    data = {"spots": spots, "name": "movie", "pred": links}
    assert SaveLinks(str(tmp_path / "out"))(data) == data
    found = read_tracks(tmp_path / "out" / "movie.csv").spots
    assert found["particle"].tolist() == [0, 0, 1, 0]
    np.testing.assert_array_equal(found[["frame", "x", "y"]].to_numpy(), spots.numpy())
    np.testing.assert_allclose(found[["link_probability", "existence", "real"]].to_numpy(), links[:, 1:].numpy())


def test_the_spots_are_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "movie.csv"
    source.write_text("frame,x,y\n0,1,2\n")
    spots, links = torch.tensor([[0.0, 1, 2]]), torch.full((1, 4), -1.0)
    data = {"spots": spots, "name": "movie", "path": str(source), "pred": links}
    with pytest.raises(TrackingError, match="give another output_dir"):
        SaveLinks(str(tmp_path))(data)
    assert source.read_text() == "frame,x,y\n0,1,2\n"
