import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.napari_layer import napari_layer, read_napari_layer, write_napari_layer
from tracking.tracks import Tracks


def test_rows_are_particle_frame_and_position_sorted_by_particle(split_and_merge):
    data, options, kind = napari_layer(split_and_merge)
    assert kind == "tracks"
    assert data[:4].tolist() == [[1, 0, 5, 10], [1, 1, 5.5, 11], [2, 2, 4, 12], [2, 4, 4.25, 14]]
    assert options["graph"] == {2: [1], 3: [1], 4: [2, 3]}
    assert "scale" not in options


def test_in_three_dimensions_z_comes_before_y_and_the_scale_follows_the_axes():
    spots = pd.DataFrame({"frame": [3], "particle": [1], "x": [7.0], "y": [8.0], "z": [9.0]})
    data, options, _ = napari_layer(Tracks.create(spots, pixel_size=0.1, z_step=0.3, frame_interval=2.0))
    assert data.tolist() == [[1, 3, 9, 8, 7]]
    assert options["scale"] == (2.0, 0.3, 0.1, 0.1)
    # Without the slice distance a scale would show wrong shapes.
    assert "scale" not in napari_layer(Tracks.create(spots, pixel_size=0.1))[1]


def test_other_columns_are_features_in_the_same_order(split_and_merge):
    spots = split_and_merge.spots.assign(mass=np.arange(9.0))
    data, options, _ = napari_layer(split_and_merge.with_spots(spots))
    by_place = {(row.particle, row.frame): row.mass for row in spots.itertuples()}
    assert [by_place[particle, frame] for particle, frame in data[:, :2]] == options["features"]["mass"].tolist()


def test_napari_takes_the_layer(split_and_merge):
    layers = pytest.importorskip("napari.layers")
    spots = split_and_merge.spots.assign(mass=1.0, virtual=False)
    tracks = Tracks.create(spots, split_and_merge.parents, pixel_size=0.1, frame_interval=0.5)
    data, options, kind = napari_layer(tracks)
    layer = layers.Layer.create(data, options, kind)
    assert isinstance(layer, layers.Tracks)
    np.testing.assert_array_equal(layer.data, data)
    assert layer.graph == options["graph"]
    assert layer.scale.tolist() == [0.5, 0.1, 0.1]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_everything_is_read_back_exactly(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks())
    file = tmp_path_factory.mktemp("napari") / "tracks.npz"
    write_napari_layer(file, tracks)
    assert_same(read_napari_layer(file), tracks)


def test_text_is_kept_without_pickle(tmp_path, assert_same):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 0.0, "y": 0.0, "note": ["a µ", None], "file": ["", "b"]})
    tracks = Tracks.create(spots)
    write_napari_layer(tmp_path / "tracks.npz", tracks)
    with np.load(tmp_path / "tracks.npz", allow_pickle=False) as stored:
        assert all(not stored[name].dtype.hasobject for name in stored.files)
    assert_same(read_napari_layer(tmp_path / "tracks.npz"), tracks)


def test_a_column_of_objects_is_refused(tmp_path):
    spots = pd.DataFrame({"frame": [0], "particle": 0, "x": 0.0, "y": 0.0, "outline": [(1, 2)]})
    with pytest.raises(TrackingError, match="column outline must hold numbers or text"):
        write_napari_layer(tmp_path / "tracks.npz", Tracks.create(spots))


def test_the_bare_data_of_a_layer_are_enough(tmp_path):
    np.savez(tmp_path / "tracks.npz", data=np.array([[5, 0, 1.5, 2.5]]))
    assert read_napari_layer(tmp_path / "tracks.npz").spots.to_dict("records") == [
        {"particle": 5, "frame": 0, "y": 1.5, "x": 2.5}
    ]


class Marker:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickled_objects_are_not_read(tmp_path):
    np.savez(tmp_path / "tracks.npz", data=np.array([Marker(tmp_path / "ran")], dtype=object))
    with pytest.raises(TrackingError, match=r"tracks\.npz` is not a napari layer as \.npz, or it is damaged"):
        read_napari_layer(tmp_path / "tracks.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"other": np.zeros(3)}, "needs an array data of 4 or 5 columns"),
        ({"data": np.zeros((2, 3))}, "needs an array data of 4 or 5 columns .* got float64 of shape"),
        ({"data": np.full((1, 4), "a")}, "needs an array data"),
        ({"data": np.full((1, 4), np.nan)}, "must be finite"),
        ({"data": np.zeros((1, 4)), "features/mass": np.zeros(2)}, "is damaged: mass needs 1 values"),
        ({"data": np.zeros((1, 4)), "graph": np.array([[0.5, 1]])}, "its graph or units cannot be read"),
        ({"data": np.zeros((1, 4)), "pixel_size": np.array("wide")}, "its graph or units cannot be read"),
        ({"data": np.zeros((1, 4)), "graph": np.array([[0, 9]])}, "comes from particle 9"),
    ],
)
def test_other_arrays_are_one_sentence(tmp_path, arrays, sentence):
    np.savez(tmp_path / "tracks.npz", **arrays)
    with pytest.raises(TrackingError, match=sentence):
        read_napari_layer(tmp_path / "tracks.npz")


def test_what_is_no_archive(tmp_path):
    (tmp_path / "tracks.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(TrackingError, match="is not a napari layer"):
        read_napari_layer(tmp_path / "tracks.npz")
