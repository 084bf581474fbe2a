import json
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.graph import edges_of
from tracking.io.read_geff import read_geff
from tracking.io.read_trackmate import read_trackmate
from tracking.io.write_trackmate import write_trackmate
from tracking.tracks import Tracks

V6, V8 = "stracking_FakeTracks_TrackMate.xml", "pycellin_FakeTracks_TMv8.xml"


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks())
    file = tmp_path_factory.mktemp("trackmate") / "tracks.xml"
    write_trackmate(file, tracks)
    found = read_trackmate(file)
    # Lost are columns without any value and a pixel size without a slice distance; a quality and a radius are gained.
    needed = ["frame", "particle", *tracks.axes]
    kept = [name for name in tracks.spots if name in needed or tracks.spots[name].notna().any()]
    is_physical = tracks.pixel_size is not None and ("z" not in needed or tracks.z_step is not None)
    expected = Tracks.create(
        tracks.spots[kept],
        tracks.parents,
        pixel_size=tracks.pixel_size if is_physical else None,
        z_step=tracks.z_step if is_physical else None,
        frame_interval=tracks.frame_interval,
    )
    assert set(found.spots.columns) == {*kept, "quality", "radius"} or not len(tracks.spots)
    # Micrometres are rounded once on the way there and once on the way back.
    assert_same(found.with_spots(found.spots[kept]), expected, rtol=4.5e-16 if is_physical else None)


def test_particles_keep_their_numbers_and_those_of_one_spot_stay(tmp_path, assert_same):
    spots = pd.DataFrame({"frame": [0, 1, 1], "particle": [7, 7, 3], "x": 1.0, "y": 2.0})
    tracks = Tracks.create(spots)
    write_trackmate(tmp_path / "tracks.xml", tracks)
    found = read_trackmate(tmp_path / "tracks.xml")
    assert_same(found.with_spots(found.spots[["frame", "particle", "x", "y"]]), tracks)
    # To TrackMate the single spot is in no track.
    root = ElementTree.parse(tmp_path / "tracks.xml").getroot()
    assert root.find("Model/AllSpots").get("nspots") == "3"
    assert [len(track) for track in root.iter("Track")] == [1]


def test_numbers_of_particles_give_way_to_links_that_were_edited(tmp_path, split_and_merge):
    file = tmp_path / "tracks.xml"
    write_trackmate(file, split_and_merge)
    tree = ElementTree.parse(file)
    (track,) = tree.getroot().iter("Track")
    # Someone cuts particle 3 between frames 3 and 4 in TrackMate.
    spots = {spot.get("ID"): (spot.get("FRAME"), spot.get("PARTICLE")) for spot in tree.getroot().iter("Spot")}
    for edge in list(track):
        if spots[edge.get("SPOT_SOURCE_ID")] == ("3", "3"):
            track.remove(edge)
    tree.write(file)
    found = read_trackmate(file)
    assert found.n_particles == 5
    assert len(found.spots) == 9


def test_splits_and_merges_are_one_track_of_trackmate(tmp_path, split_and_merge):
    tracks = Tracks.create(split_and_merge.spots, split_and_merge.parents, pixel_size=0.5, frame_interval=2.0)
    write_trackmate(tmp_path / "tracks.xml", tracks)
    root = ElementTree.parse(tmp_path / "tracks.xml").getroot()
    (track,) = root.iter("Track")
    expected = {
        "NUMBER_SPOTS": "9",
        "NUMBER_GAPS": "1",
        "LONGEST_GAP": "1",
        "NUMBER_SPLITS": "1",
        "NUMBER_MERGES": "1",
        "NUMBER_COMPLEX": "0",
        "TRACK_START": "0.0",
        "TRACK_STOP": "12.0",
        "TRACK_DURATION": "12.0",
    }
    assert {name: track.get(name) for name in expected} == expected
    # From (10, 5) to (16, 5.25) pixels of half a micrometre.
    assert float(track.get("TRACK_DISPLACEMENT")) == pytest.approx(0.5 * np.hypot(6, 0.25))
    assert root.find("Model").attrib == {"spatialunits": "micrometer", "timeunits": "second"}


def paths(element, above=""):
    """Every path of element names, with the attributes that stand there."""
    path = f"{above}/{element.tag}"
    found = {path: set(element.attrib)}
    for child in element:
        for name, attributes in paths(child, path).items():
            found[name] = found.get(name, set()) | attributes
    return found


@pytest.fixture
def rewritten(shared_data, tmp_path):
    def rewriting(name):
        source = shared_data / "trackmate_samples" / name
        tracks = read_trackmate(source, with_hidden=True)
        write_trackmate(tmp_path / name, tracks)
        return ElementTree.parse(source).getroot(), ElementTree.parse(tmp_path / name).getroot(), tracks

    return rewriting


def test_every_element_and_attribute_of_trackmates_own_file_is_there(rewritten):
    real, ours, _ = rewritten(V8)
    real, ours = paths(real), paths(ours)
    # What is not needed: filters, none of which was applied, settings of its own detector and tracker, and the
    # analyzers that need an image.
    optional = ("Filter", "TrackerSettings/", "SpotAnalyzers/")
    assert [path for path in real.keys() - ours.keys() if not any(part in path for part in optional)] == []
    # Whatever we write, TrackMate writes too.
    assert ours.keys() <= real.keys()
    assert ours["/TrackMate/Settings/DetectorSettings"] - {"RADIUS"} == {"DETECTOR_NAME", "TARGET_CHANNEL"}
    for path in ours.keys() - {"/TrackMate/Settings/TrackerSettings", "/TrackMate/Settings/DetectorSettings"}:
        missing = real[path] - ours[path]
        # Features of links and tracks that TrackMate computes by itself, and outlines.
        if path.endswith(("/Track", "/Edge", "/Spot")):
            missing = {name for name in missing if name not in COMPUTED and name != "ROI_N_POINTS"}
        assert missing == set(), path
        # Our own numbers of particles come on top.
        assert ours[path] - real[path] <= {"PARTICLE"}, path


COMPUTED = {
    *("DIRECTIONAL_CHANGE_RATE", "TRACK_MEAN_SPEED", "TRACK_MAX_SPEED", "TRACK_MIN_SPEED", "TRACK_MEDIAN_SPEED"),
    *("TRACK_STD_SPEED", "TRACK_MEAN_QUALITY", "TOTAL_DISTANCE_TRAVELED", "MAX_DISTANCE_TRAVELED", "CONFINEMENT_RATIO"),
    *("MEAN_STRAIGHT_LINE_SPEED", "LINEARITY_OF_FORWARD_PROGRESSION", "MEAN_DIRECTIONAL_CHANGE_RATE"),
    *("TRACK_X_LOCATION", "TRACK_Y_LOCATION", "TRACK_Z_LOCATION"),
}


def declared(root, kind):
    return {feature.get("feature"): feature.attrib for feature in root.find(f"Model/FeatureDeclarations/{kind}")}


def test_every_feature_that_is_written_is_declared_as_trackmate_does(rewritten):
    real, ours, _ = rewritten(V8)
    for kind, element in (("SpotFeatures", "Spot"), ("EdgeFeatures", "Edge"), ("TrackFeatures", "Track")):
        found = declared(ours, kind)
        # TrackMate cannot save a feature again of which it does not know whether it is a whole number (issue 206).
        written = set().union(*(one.attrib for one in ours.iter(element))) - {"ID", "name"}
        assert written == set(found)
        for key, attributes in found.items():
            assert set(attributes) == {"feature", "name", "shortname", "dimension", "isint"}
            if key in declared(real, kind) and key in STANDARD:
                assert attributes == declared(real, kind)[key]
    # The dimension decides how TrackMate shows a number, and how we read it.
    dimensions = {key: declared(real, "SpotFeatures")[key]["dimension"] for key in ("AREA", "PERIMETER", "ELLIPSE_X0")}
    assert {key: declared(ours, "SpotFeatures")[key]["dimension"] for key in dimensions} == dimensions


STANDARD = {
    *("QUALITY", "POSITION_X", "POSITION_Y", "POSITION_Z", "POSITION_T", "FRAME", "RADIUS", "VISIBILITY"),
    *("SPOT_SOURCE_ID", "SPOT_TARGET_ID", "LINK_COST", "SPEED", "DISPLACEMENT", "EDGE_TIME", "EDGE_X_LOCATION"),
    *("EDGE_Y_LOCATION", "EDGE_Z_LOCATION", "TRACK_INDEX", "TRACK_ID", "NUMBER_SPOTS", "NUMBER_GAPS", "NUMBER_SPLITS"),
    *("NUMBER_MERGES", "NUMBER_COMPLEX", "LONGEST_GAP", "TRACK_DURATION", "TRACK_START", "TRACK_STOP"),
    "TRACK_DISPLACEMENT",
}


@pytest.mark.parametrize("name", [V6, V8])
def test_features_of_tracks_and_links_are_those_that_trackmate_computed(rewritten, name):
    real, ours, _ = rewritten(name)
    features = [
        *("NUMBER_SPOTS", "NUMBER_GAPS", "LONGEST_GAP", "NUMBER_SPLITS", "NUMBER_MERGES", "NUMBER_COMPLEX"),
        *("TRACK_DURATION", "TRACK_START", "TRACK_STOP"),
    ]
    if name == V8:
        # In the other file a track begins with two spots, of which TrackMate measures from the one or the other.
        features.append("TRACK_DISPLACEMENT")

    def table(root, element, names):
        rows = [[float(one.get(name)) for name in names] for one in root.iter(element)]
        return np.array(sorted(rows))

    np.testing.assert_allclose(table(ours, "Track", features), table(real, "Track", features), rtol=1e-12)
    links = ["EDGE_TIME", "EDGE_X_LOCATION", "EDGE_Y_LOCATION", "EDGE_Z_LOCATION", "DISPLACEMENT"]
    np.testing.assert_allclose(table(ours, "Edge", links), table(real, "Edge", links), rtol=1e-9)


def test_what_trackmates_reader_asks_for_is_there(rewritten):
    _, root, tracks = rewritten(V8)
    major, minor, _ = map(int, root.get("version").split("."))
    assert (major, minor) >= (7, 0)
    assert root.find("Log").text
    assert root.find("Settings/DetectorSettings").get("DETECTOR_NAME") == "MANUAL_DETECTOR"
    assert float(root.find("Settings/DetectorSettings").get("RADIUS")) > 0
    assert root.find("Settings/TrackerSettings").get("TRACKER_NAME") == "MANUAL_TRACKER"
    assert root.find("Settings/InitialSpotFilter").attrib == {"feature": "QUALITY", "value": "0.0", "isabove": "true"}
    assert root.find("GUIState").get("state") == "ConfigureViews"
    # Numbers of spots are whole, all spots that links name are there, no pair is linked twice.
    ids = [int(spot.get("ID")) for spot in root.iter("Spot")]
    assert len(set(ids)) == len(ids) == int(root.find("Model/AllSpots").get("nspots")) == len(tracks.spots)
    links = [(int(edge.get("SPOT_SOURCE_ID")), int(edge.get("SPOT_TARGET_ID"))) for edge in root.iter("Edge")]
    assert {frozenset(link) for link in links} <= {frozenset((a, b)) for a in ids for b in ids if a != b}
    assert len({frozenset(link) for link in links}) == len(links) == len(edges_of(tracks))
    shown = [track.get("TRACK_ID") for track in root.iter("TrackID")]
    assert shown == [track.get("TRACK_ID") for track in root.iter("Track")]
    for frame in root.iter("SpotsInFrame"):
        for spot in frame:
            assert spot.get("FRAME") == frame.get("frame")
            assert spot.get("VISIBILITY") == "1"
            # Java's Double.valueOf takes each of them.
            assert all(np.isfinite(float(value)) for name, value in spot.attrib.items() if name != "name")


def test_display_settings_are_complete(rewritten):
    real, ours, _ = rewritten(V8)
    # TrackMate has no defaults for what is missing.
    theirs = json.loads(real.find("DisplaySettings").text)
    mine = json.loads(ours.find("DisplaySettings").text)
    assert {name: type(value) for name, value in mine.items()} == {name: type(value) for name, value in theirs.items()}


@pytest.mark.parametrize("name", [V6, V8])
def test_another_reader_of_trackmate_files_finds_the_same_tracks(rewritten, tmp_path, name, assert_same):
    from geff.convert import from_trackmate_xml_to_geff

    _, _, tracks = rewritten(name)
    with warnings.catch_warnings():
        # It warns of the image that is not named.
        warnings.simplefilter("ignore")
        from_trackmate_xml_to_geff(tmp_path / name, tmp_path / "converted.geff")
        found = read_geff(tmp_path / "converted.geff")
    # It keeps spots by TrackMate's ID, which are our rows, and z, which is 0.
    assert not found.spots["z"].any()
    order = np.argsort(found.spots["ID"])
    np.testing.assert_array_equal(
        found.spots[["frame", "x", "y"]].to_numpy()[order], tracks.spots[["frame", "x", "y"]].to_numpy()
    )
    theirs = {tuple(found.spots["ID"].to_numpy()[link]) for link in edges_of(found)}
    assert theirs == {tuple(link) for link in edges_of(tracks)}


def test_radius_and_quality_come_from_what_there_is(tmp_path):
    spots = pd.DataFrame(
        {"frame": [0, 1], "particle": 0, "x": 1.0, "y": 1.0, "size": [2.0, np.nan], "mass": [9.0, np.nan]}
    )
    write_trackmate(tmp_path / "tracks.xml", Tracks.create(spots, pixel_size=0.5))
    first, second = ElementTree.parse(tmp_path / "tracks.xml").getroot().iter("Spot")
    # A blob of standard deviation s fits TrackMate's radius s times the square root of the dimensions.
    assert float(first.get("RADIUS")) == pytest.approx(2 * 2**0.5 * 0.5)
    assert (first.get("QUALITY"), second.get("QUALITY"), float(second.get("RADIUS"))) == ("9.0", "0.0", 1.25)
    assert (first.get("MASS"), second.get("MASS")) == ("9.0", None)


def test_mixed_case_infinities_and_truth_values(tmp_path):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 1.0, "y": 1.0, "virtual": [False, True]})
    spots = spots.assign(Area_A=[1.5, 2.5], SNR=[np.inf, -np.inf], step=[1, -2])
    write_trackmate(tmp_path / "tracks.xml", Tracks.create(spots))
    found = read_trackmate(tmp_path / "tracks.xml").spots
    assert found["virtual"].tolist() == [False, True]
    assert found["Area_A"].tolist() == [1.5, 2.5]
    assert found["SNR"].tolist() == [np.inf, -np.inf]
    assert found["step"].tolist() == [1, -2]
    assert found["step"].dtype == np.int64


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("note", ["a", "b"], "holds numbers alone, but column note is"),
        ("mean intensity", [1.0, 2.0], "cannot hold a column named 'mean intensity', rename it"),
        ("id", [1.0, 2.0], "cannot hold a column named 'id', rename it"),
        ("position_x", [1.0, 2.0], "cannot hold a column named 'position_x', rename it"),
    ],
)
def test_columns_that_the_format_cannot_hold_are_never_lost(tmp_path, column, values, sentence):
    spots = pd.DataFrame({"frame": [0, 1], "particle": 0, "x": 1.0, "y": 1.0, column: values})
    with pytest.raises(TrackingError, match=sentence):
        write_trackmate(tmp_path / "tracks.xml", Tracks.create(spots))
    assert list(tmp_path.iterdir()) == []


def test_a_frame_beyond_javas_integers(tmp_path):
    spots = pd.DataFrame({"frame": [2**31], "particle": 0, "x": 1.0, "y": 1.0})
    with pytest.raises(TrackingError, match="TrackMate counts frames up to 2147483647, got 2147483648"):
        write_trackmate(tmp_path / "tracks.xml", Tracks.create(spots))
