import json
import pickle

import numpy as np
import pytest
import zarr
from geff import GeffMetadata
from geff.core_io import write_arrays
from geff_spec import Axis

from tracking.errors import TrackingError
from tracking.io.read_geff import read_geff


def axis(name, kind=None, **more):
    return Axis(name=name, type=kind, **more)


TYX = [axis("t", "time"), axis("y", "space"), axis("x", "space")]


@pytest.fixture
def write(tmp_path):
    """A GEFF as others may write it, by the library alone."""

    def writing(ids, edges, nodes, *, links=None, axes=TYX, directed=True, zarr_format=2, **metadata):
        folder = tmp_path / "others.geff"

        def properties(columns):
            return {name: {"values": np.asarray(values), "missing": None} for name, values in columns.items()}

        write_arrays(
            str(folder),
            np.array(ids, np.uint64),
            properties(nodes),
            np.array(edges, np.uint64).reshape(-1, 2),
            properties(links or {}),
            GeffMetadata(directed=directed, axes=axes, node_props_metadata={}, edge_props_metadata={}, **metadata),
            zarr_format=zarr_format,
        )
        return folder

    return writing


#  node  907 - 3 - 55 - 12     not in order, with whole numbers for positions, and no particles
IDS, EDGES = [55, 907, 3, 12], [[907, 3], [3, 55], [55, 12]]
NODES = {"t": [2, 0, 1, 3], "y": [12, 10, 11, 13], "x": [22, 20, 21, 23]}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_any_numbers_of_nodes_and_whole_positions(write, zarr_format):
    tracks = read_geff(write(IDS, EDGES, NODES, zarr_format=zarr_format))
    assert tracks.spots[["frame", "particle", "y", "x"]].to_numpy().tolist() == [
        [0, 0, 10, 20],
        [1, 0, 11, 21],
        [2, 0, 12, 22],
        [3, 0, 13, 23],
    ]
    assert (tracks.pixel_size, tracks.frame_interval) == (None, None)


def test_an_undirected_graph_goes_by_time(write):
    backward = [edge[::-1] for edge in EDGES]
    tracks = read_geff(write(IDS, [*EDGES, *backward], NODES, directed=False, links={"probability": [0.5] * 6}))
    assert tracks.n_particles == 1
    assert tracks.spots["link_probability"].tolist() == pytest.approx([np.nan, 0.5, 0.5, 0.5], nan_ok=True)


def test_splits_become_parents_and_probabilities_those_of_the_spots(write):
    #  0 - 1 < 2
    #          3
    nodes = {"t": [0, 1, 2, 2], "y": [0, 0, 0, 9], "x": [0, 1, 2, 2]}
    links = {"probability": [0.9, 0.8, 0.7], "cost": [1, 2, 3]}
    tracks = read_geff(write([0, 1, 2, 3], [[0, 1], [1, 2], [1, 3]], nodes, links=links))
    assert tracks.parents == {1: (0,), 2: (0,)}
    assert tracks.spots["link_probability"].tolist() == pytest.approx([np.nan, 0.9, 0.8, 0.7], nan_ok=True)
    assert "cost" not in tracks.spots


def test_of_a_merge_the_smallest_probability_stays(write):
    nodes = {"t": [0, 0, 1], "y": [0, 9, 5], "x": [0, 0, 0]}
    tracks = read_geff(write([0, 1, 2], [[0, 2], [1, 2]], nodes, links={"probability": [0.9, 0.4]}))
    assert tracks.parents == {2: (0, 1)}
    assert tracks.spots["link_probability"][2] == 0.4


def test_a_declared_tracklet_numbers_the_particles_if_it_fits(write):
    nodes = NODES | {"cell": np.array([4, 4, 4, 4])}
    tracks = read_geff(write(IDS, EDGES, nodes, track_node_props={"tracklet": "cell"}))
    assert set(tracks.spots["particle"]) == {4}
    assert "cell" not in tracks.spots


def test_a_tracklet_that_does_not_fit_is_numbered_anew(write):
    nodes = NODES | {"cell": np.array([4, 5, 4, 4])[[1, 0, 2, 3]]}
    tracks = read_geff(write(IDS, [EDGES[0], EDGES[2]], nodes, track_node_props={"tracklet": "cell"}))
    assert tracks.n_particles == 2


def test_units_come_from_the_factors_of_the_axes(write):
    axes = [
        axis("t", "time", unit="frame", scale=40.0, scaled_unit="millisecond"),
        axis("z", "space", unit="pixel", scale=0.5, scaled_unit="micrometer"),
        axis("y", "space", unit="pixel", scale=100.0, scaled_unit="nanometer"),
        axis("x", "space", unit="pixel", scale=100.0, scaled_unit="nanometer"),
    ]
    tracks = read_geff(write(IDS, EDGES, NODES | {"z": [1, 1, 1, 1]}, axes=axes))
    assert tracks.axes == ("z", "y", "x")
    assert (tracks.pixel_size, tracks.z_step) == (pytest.approx(0.1), 0.5)
    assert tracks.frame_interval == pytest.approx(0.04)


def test_positions_in_micrometres_without_a_factor_keep_their_distances(write):
    axes = [axis("t", "time", unit="second"), *(axis(name, "space", unit="micrometer") for name in "yx")]
    tracks = read_geff(write(IDS, EDGES, NODES, axes=axes))
    assert (tracks.pixel_size, tracks.frame_interval) == (1.0, 1.0)
    assert tracks.spots["x"].tolist() == [20, 21, 22, 23]


@pytest.mark.parametrize(
    ("names", "hints"),
    [
        (("POSITION_Y", "POSITION_X"), None),
        (("centroid.Y", "centroid.X"), None),
        (("row", "column"), None),  # without a hint the last axis is x
        (("column", "row"), {"display_horizontal": "row", "display_vertical": "column"}),
    ],
)
def test_axes_go_by_their_names_then_by_how_they_are_shown_then_by_their_order(write, names, hints):
    axes = [axis("when", "time"), *(axis(name, "space") for name in names)]
    nodes = {"when": NODES["t"], names[0]: NODES["y"], names[1]: NODES["x"]}
    tracks = read_geff(write(IDS, EDGES, nodes, axes=axes, display_hints=hints))
    assert tracks.spots["y"].tolist() == [10, 11, 12, 13]


def test_axes_in_the_order_x_y(write):
    axes = [axis("POSITION_X", "space"), axis("POSITION_Y", "space"), axis("t", "time")]
    nodes = {"t": NODES["t"], "POSITION_X": NODES["x"], "POSITION_Y": NODES["y"]}
    covariance = np.tile([[1.0, 0.5], [0.5, 4.0]], (4, 1, 1))
    tracks = read_geff(write(IDS, EDGES, nodes | {"position_covariance": covariance}, axes=axes))
    assert tracks.spots["x"].tolist() == [20, 21, 22, 23]
    # The matrix follows the file's order of axes.
    assert tracks.spots[["x_std", "y_std", "xy_cov"]].to_numpy().tolist() == [[1, 2, 0.5]] * 4


def test_without_axes_the_usual_names_are_taken(write):
    assert read_geff(write(IDS, EDGES, NODES, axes=None)).spots["x"].tolist() == [20, 21, 22, 23]


def test_matrices_and_outlines_are_left_out_and_text_is_kept(write):
    outlines = np.empty(4, object)
    outlines[:] = [np.zeros((size, 2)) for size in (3, 4, 5, 6)]
    more = {"inertia": np.zeros((4, 2, 2)), "outline": outlines, "class": np.array(["a", "b", "c", "d"])}
    tracks = read_geff(write(IDS, EDGES, NODES | more))
    assert sorted(tracks.spots.columns) == ["class", "frame", "particle", "x", "y"]
    assert tracks.spots["class"].tolist() == ["b", "c", "a", "d"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nodes": NODES | {"t": [2.5, 0, 1, 3]}}, r"its times \(t\) must be whole frame numbers"),
        ({"nodes": NODES | {"t": [2, -1, 1, 3]}}, "column frame must hold whole numbers from 0"),
        ({"nodes": NODES | {"x": [np.nan, 0, 1, 3]}}, "column x must be finite"),
        ({"nodes": NODES | {"t": [2, 0, 1, 10**9]}}, "frames must be whole numbers from 0 to 10000000"),
        ({"nodes": NODES | {"frame": [2, 0, 1, 3]}}, "its property frame is neither an axis nor the tracklet"),
        ({"edges": [[907, 4]]}, "an edge names a node that is not there"),
        ({"edges": [[907, 9999]]}, "an edge names a node that is not there"),
        ({"edges": [*EDGES, EDGES[0]]}, "a link stands twice"),
        ({"edges": [[3, 3]]}, "a link joins two spots of frame 1"),
        ({"ids": [55, 907, 3, 3], "edges": []}, "two nodes have one number"),
        (
            {"axes": [axis("y", "space"), axis("x", "space")]},
            "needs one axis of time and two or three of space, got 0 and 2",
        ),
        ({"axes": None, "nodes": {"t": [0] * 4, "pos": np.zeros((4, 2))}}, "needs axes of time and space"),
        (
            {"axes": [TYX[0], axis("y", "space", scale=1.0, scaled_unit="micrometer"), TYX[2]]},
            r"pixels must be square, got None micrometres in x and 1\.0 in y",
        ),
        (
            {"axes": [axis("t", "time", scale=-1.0, scaled_unit="second"), *TYX[1:]]},
            "frame_interval must be a positive number",
        ),
    ],
)
def test_a_graph_that_cannot_be_tracks_is_one_sentence(write, change, sentence):
    given = {"ids": IDS, "edges": EDGES, "nodes": NODES} | change
    with pytest.raises(TrackingError, match=rf"others\.geff`.*({sentence})"):
        read_geff(write(**given))


def test_a_folder_that_is_no_geff_is_left_as_it_was(tmp_path):
    folder = tmp_path / "plain.geff"
    folder.mkdir()
    with pytest.raises(TrackingError, match=r"plain\.geff` is not a GEFF, or it is damaged"):
        read_geff(folder)
    assert list(folder.iterdir()) == []
    zarr.open_group(folder, mode="w", zarr_format=2)
    with pytest.raises(TrackingError, match="is not a GEFF"):
        read_geff(folder)


def test_a_missing_array_is_damage(write):
    folder = write(IDS, EDGES, NODES)
    (folder / "nodes/ids/.zarray").unlink()
    with pytest.raises(TrackingError, match="is not a GEFF, or it is damaged"):
        read_geff(folder)


def test_a_chunk_that_is_cut_short_is_damage(write):
    folder = write(IDS, EDGES, NODES)
    chunk = folder / "nodes/props/x/values/0"
    chunk.write_bytes(chunk.read_bytes()[:5])
    with pytest.raises(TrackingError, match=r"others\.geff` is damaged"):
        read_geff(folder)


def test_links_out_of_the_folder_are_refused(write, tmp_path):
    folder = write(IDS, EDGES, NODES)
    secret = tmp_path / "secret"
    secret.write_bytes(b"12345678" * 4)
    (folder / "nodes/props/x/values/0").unlink()
    (folder / "nodes/props/x/values/0").symlink_to(secret)
    with pytest.raises(TrackingError, match=r"is refused: `props/x/values/0` in it is a link or a device"):
        read_geff(folder)


class Marker:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


DELTA, PICKLE = {"id": "delta", "dtype": "<i8"}, {"id": "pickle", "protocol": 5}


@pytest.mark.parametrize(
    "codecs",
    [
        {"compressor": None, "filters": [DELTA, PICKLE]},
        {"compressor": None, "filters": [PICKLE]},
        {"compressor": PICKLE},
    ],
)
def test_codecs_that_could_run_a_program_are_refused(write, tmp_path, codecs, monkeypatch):
    import numcodecs.pickles

    # Newer versions refuse to unpickle, older ones do not.
    monkeypatch.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)
    folder = write(IDS, EDGES, NODES)
    file = folder / "nodes/props/x/values/.zarray"
    file.write_text(json.dumps(json.loads(file.read_text()) | codecs))
    (file.parent / "0").write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    with pytest.raises(TrackingError, match=r"is refused: its arrays are stored with|is not a GEFF"):
        read_geff(folder)
    assert not (tmp_path / "ran").exists()


def test_an_array_that_claims_more_than_the_folder_can_hold_is_refused_before_it_is_read(write):
    folder = write(IDS, EDGES, NODES)
    for file in folder.glob("nodes/**/.zarray"):
        claimed = json.loads(file.read_text())
        claimed["shape"][0] = claimed["chunks"][0] = 10**12
        file.write_text(json.dumps(claimed))
    with pytest.raises(TrackingError, match=r"is damaged: it claims 32000000000048 bytes .* in a folder of"):
        read_geff(folder)


def test_objects_beside_the_graph_are_never_opened(write):
    # A path that leads out of the folder is only text to us.
    related = [{"type": "labels", "path": "../../../../etc/passwd"}]
    assert read_geff(write(IDS, EDGES, NODES, related_objects=related)).n_particles == 1
