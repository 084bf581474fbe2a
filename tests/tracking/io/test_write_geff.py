import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.read_geff import read_geff
from tracking.io.write_geff import write_geff
from tracking.tracks import Tracks


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_everything_is_read_back_exactly(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks())
    folder = tmp_path_factory.mktemp("geff") / "tracks.geff"
    write_geff(folder, tracks)
    assert_same(read_geff(folder), tracks)


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_librarys_own_checks_pass(data, any_tracks, tmp_path_factory):
    from geff.core_io import read_to_memory
    from geff.validate.data import ValidationConfig

    folder = tmp_path_factory.mktemp("geff") / "tracks.geff"
    write_geff(folder, data.draw(any_tracks()))
    read_to_memory(folder, data_validation=ValidationConfig(graph=True, tracklet=True))


def test_the_graph_as_networkx_sees_it(tmp_path, split_and_merge):
    import geff

    spots = split_and_merge.spots.assign(x_std=0.1, y_std=0.2, xy_cov=0.01, link_probability=np.linspace(0.1, 0.9, 9))
    tracks = Tracks.create(spots, split_and_merge.parents, pixel_size=0.25, frame_interval=0.5)
    write_geff(tmp_path / "tracks.geff", tracks)
    graph, metadata = geff.read(tmp_path / "tracks.geff")
    assert graph.is_directed()
    assert sorted(graph.nodes) == list(range(9))
    assert {(graph.nodes[a]["particle"], graph.nodes[b]["particle"]) for a, b in graph.edges} == {
        *((number, number) for number in (1, 2, 3, 4)),
        *((1, 2), (1, 3), (2, 4), (3, 4)),
    }
    for source, target in graph.edges:
        assert graph.nodes[source]["t"] < graph.nodes[target]["t"]
        # The probability belongs to the link that leads to the spot.
        assert graph.edges[source, target]["probability"] == spots["link_probability"][target]
    assert [(axis.name, axis.type, axis.unit, axis.scale, axis.scaled_unit) for axis in metadata.axes] == [
        ("t", "time", "frame", 0.5, "second"),
        ("y", "space", "pixel", 0.25, "micrometer"),
        ("x", "space", "pixel", 0.25, "micrometer"),
    ]
    assert metadata.track_node_props == {"tracklet": "particle"}
    # Variances of y and x, in the order of the axes.
    assert graph.nodes[0]["position_covariance"] == pytest.approx(np.array([[0.04, 0.01], [0.01, 0.01]]))


def test_the_covariance_in_three_dimensions_is_in_the_order_of_the_axes_and_marked_where_missing(tmp_path):
    from geff.core_io import read_to_memory

    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 1.0, "y": 2.0, "z": 3.0})
    spots = spots.assign(x_std=[1.0, np.nan], y_std=2.0, z_std=3.0, xy_cov=0.12, xz_cov=0.13, yz_cov=0.23)
    write_geff(tmp_path / "tracks.geff", Tracks.create(spots))
    stored = read_to_memory(tmp_path / "tracks.geff")["node_props"]["position_covariance"]
    assert stored["values"][0].tolist() == [[9, 0.23, 0.13], [0.23, 4, 0.12], [0.13, 0.12, 1]]
    assert stored["missing"].tolist() == [False, True]


def test_a_particle_that_goes_on_as_its_only_child_is_no_tracklet_but_kept(tmp_path, assert_same):
    import geff

    spots = pd.DataFrame({"frame": [0, 1], "particle": [5, 6], "x": 0.0, "y": 0.0})
    tracks = Tracks.create(spots, {6: (5,)})
    write_geff(tmp_path / "tracks.geff", tracks)
    assert geff.GeffMetadata.read(tmp_path / "tracks.geff").track_node_props is None
    assert_same(read_geff(tmp_path / "tracks.geff"), tracks)


def test_text_and_missing_integers(tmp_path):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 0.0, "y": 0.0, "note": ["a µ", None]})
    spots["count"] = pd.Series([7, None], dtype="Int64")
    write_geff(tmp_path / "tracks.geff", Tracks.create(spots))
    found = read_geff(tmp_path / "tracks.geff").spots
    assert found["note"].isna().tolist() == [False, True]
    assert found["note"][0] == "a µ"
    assert found["count"].tolist() == pytest.approx([7, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("t", "GEFF keeps the name t for itself, rename this column"),
        ("../up", r"GEFF cannot hold a column named '\.\./up', rename it"),
        (".hidden", "GEFF cannot hold a column named"),
        ("", "GEFF cannot hold a column named"),
    ],
)
def test_names_that_cannot_be(tmp_path, column, sentence):
    spots = pd.DataFrame({"frame": [0], "particle": [0], "x": [0.0], "y": [0.0], column: [1.0]})
    with pytest.raises(TrackingError, match=sentence):
        write_geff(tmp_path / "tracks.geff", Tracks.create(spots))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_other_things_is_never_replaced(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(
        TrackingError, match=r"is a folder that holds more than a GEFF \(thesis\.txt\), which would be lost"
    ):
        write_geff(folder, Tracks.empty())
    assert (folder / "thesis.txt").read_text() == "years of work"
