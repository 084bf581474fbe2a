import csv

import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.graph import edges_of
from tracking.io.challenge_xml import read_challenge_xml
from tracking.io.read_trackmate import read_trackmate, read_trackmate_simple

SPOT = '<Spot ID="{id}" name="ID{id}" QUALITY="1.5" RADIUS="0.4" POSITION_X="{x}" POSITION_Y="{y}" POSITION_Z="{z}"/>'
IMAGE = '<ImageData pixelwidth="0.2" pixelheight="0.2" voxeldepth="0.5" timeinterval="50" nslices="{slices}"/>'


def model(spots, tracks="", visible=None, features="", slices=1, units=("micron", "ms"), image=IMAGE, version="7.11.1"):
    """A TrackMate file; spots are {frame: [(id, x, y, z), ...]}, tracks {id: [(source, target), ...]}."""
    frames = "".join(
        f'<SpotsInFrame frame="{frame}">'
        + "".join(SPOT.format(id=id, x=x, y=y, z=z) for id, x, y, z in inside)
        + "</SpotsInFrame>"
        for frame, inside in spots.items()
    )
    tracks = "".join(
        f'<Track TRACK_ID="{track}">'
        + "".join(f'<Edge SPOT_SOURCE_ID="{a}" SPOT_TARGET_ID="{b}"/>' for a, b in links)
        + "</Track>"
        for track, links in (tracks or {}).items()
    )
    shown = "" if visible is None else "".join(f'<TrackID TRACK_ID="{track}"/>' for track in visible)
    filtered = "" if visible is None else f"<FilteredTracks>{shown}</FilteredTracks>"
    return (
        f'<TrackMate version="{version}"><Model spatialunits="{units[0]}" timeunits="{units[1]}">'
        f"<FeatureDeclarations><SpotFeatures>{features}</SpotFeatures></FeatureDeclarations>"
        f"<AllSpots>{frames}</AllSpots><AllTracks>{tracks}</AllTracks>{filtered}</Model>"
        f"<Settings>{image.format(slices=slices)}</Settings></TrackMate>"
    )


@pytest.fixture
def read(tmp_path):
    def reading(text, **options):
        file = tmp_path / "model.xml"
        file.write_text(text, encoding="utf-8")
        return read_trackmate(file, **options)

    return reading


CHAIN = {0: [(10, 1, 2, 0)], 1: [(11, 1.2, 2.2, 0)], 3: [(12, 1.4, 2.4, 0)]}


def test_physical_units_become_pixels(read):
    tracks = read(model(CHAIN, {0: [(10, 11), (11, 12)]}))
    assert tracks.axes == ("y", "x")
    assert tracks.spots["x"].tolist() == pytest.approx([5, 6, 7])
    assert tracks.spots["y"].tolist() == pytest.approx([10, 11, 12])
    assert tracks.spots["frame"].tolist() == [0, 1, 3]
    assert tracks.n_particles == 1
    assert (tracks.pixel_size, tracks.z_step, tracks.frame_interval) == (0.2, None, pytest.approx(0.05))


def test_spots_with_nothing_but_a_position(read):
    text = model(CHAIN, {0: [(10, 11), (11, 12)]}).replace(' QUALITY="1.5" RADIUS="0.4"', ' FRAME="0"')
    tracks = read(text)
    assert list(tracks.spots) == ["frame", "particle", "x", "y"]
    assert tracks.spots["x"].tolist() == pytest.approx([5, 6, 7])


def test_slices_by_the_distance_of_slices(read):
    spots = {0: [(1, 1, 1, 2.0)], 1: [(2, 1, 1, 2.5)]}
    tracks = read(model(spots, {0: [(1, 2)]}, slices=9))
    assert tracks.spots["z"].tolist() == [4, 5]
    assert tracks.z_step == 0.5
    # An image of several slices is three-dimensional even where every z is 0.
    flat = {frame: [(*inside[0][:3], 0)] for frame, inside in spots.items()}
    assert read(model(flat, {0: [(1, 2)]}, slices=9)).axes == ("z", "y", "x")
    assert read(model(flat, {0: [(1, 2)]}, slices=1)).axes == ("y", "x")


@pytest.mark.parametrize(
    ("units", "pixel_size", "interval"),
    [
        (("pixel", "frame"), None, None),
        (("micrometer", "sec"), 0.2, 50),
        (("µm", "um"), 0.2, None),
        (("nm", "min"), 0.2e-3, 3000),
    ],
)
def test_names_of_units(read, units, pixel_size, interval):
    tracks = read(model(CHAIN, {0: [(10, 11), (11, 12)]}, units=units))
    assert tracks.pixel_size == pytest.approx(pixel_size)
    assert tracks.frame_interval == pytest.approx(interval)
    assert tracks.spots["x"].tolist() == pytest.approx([5, 6, 7])


def test_features_are_columns_in_pixels(read):
    features = (
        '<Feature feature="QUALITY" dimension="QUALITY" isint="false"/>'
        '<Feature feature="RADIUS" dimension="LENGTH" isint="false"/>'
        '<Feature feature="AREA" dimension="AREA" isint="false"/>'
        '<Feature feature="LABEL" dimension="NONE" isint="true"/>'
    )
    text = model(CHAIN, {0: [(10, 11), (11, 12)]}, features=features)
    text = text.replace(' ID="10"', ' ID="10" AREA="0.4" LABEL="3" SNR="NaN"')
    text = text.replace(' ID="11"', ' ID="11" AREA="0.8"')
    spots = read(text).spots
    assert spots["quality"].tolist() == [1.5] * 3
    assert spots["radius"].tolist() == pytest.approx([2.0] * 3)
    assert spots["area"].tolist() == pytest.approx([10, 20, np.nan], nan_ok=True)
    assert spots["label"].tolist() == pytest.approx([3, np.nan, np.nan], nan_ok=True)
    assert spots["snr"].isna().all()
    assert not {"name", "id", "position_x", "visibility"} & set(spots.columns)


def test_spots_outside_of_tracks_and_hidden_tracks_are_left_out(read):
    #  10 - 11 - 12     track 0
    #  20 - 21          track 5, hidden by a filter
    #  30               in no track
    spots = {0: [*CHAIN[0], (20, 5, 5, 0), (30, 9, 9, 0)], 1: [*CHAIN[1], (21, 5, 5, 0)], 3: CHAIN[3]}
    links = {0: [(10, 11), (11, 12)], 5: [(20, 21)]}
    assert len(read(model(spots, links, visible=[0])).spots) == 3
    everything = read(model(spots, links, visible=[0]), with_hidden=True)
    assert everything.n_particles == 2
    assert len(everything.spots) == 5
    # Without the element nothing is said of filters.
    assert read(model(spots, links)).n_particles == 2
    assert read(model(spots, links, visible=[])).n_particles == 0


def test_links_may_be_written_from_later_to_earlier(read):
    assert read(model(CHAIN, {0: [(11, 10), (12, 11)]})).n_particles == 1


def test_splits_and_merges_become_parents(read):
    #  1 < 2 - 4 > 5
    #      3 -----
    spots = {0: [(1, 0, 0, 0)], 1: [(2, 1, 0, 0), (3, 1, 1, 0)], 2: [(4, 2, 0, 0)], 3: [(5, 3, 0, 0)]}
    tracks = read(model(spots, {0: [(1, 2), (1, 3), (2, 4), (4, 5), (3, 5)]}))
    assert tracks.spots["particle"].tolist() == [0, 1, 2, 1, 3]
    assert tracks.parents == {1: (0,), 2: (0,), 3: (1, 2)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (model(CHAIN), "holds 3 spots but no tracks; link them first"),
        (model(CHAIN, {0: [(10, 99)]}), "is damaged: a link names the spot 99, which is not there"),
        (model({0: [(1, 0, 0, 0), (1, 2, 2, 0)]}, {0: []}), "is damaged: two spots have the ID 1"),
        (model({0: [(1, 0, 0, 0), (2, 2, 2, 0)]}, {0: [(1, 2)]}), "a link joins two spots of frame 0"),
        (model(CHAIN, {0: [(10, 11), (10, 11)]}), "a link stands twice"),
        (model(CHAIN, {0: [(10, 11)]}, version="1.3"), "of TrackMate '1.3', but 2.1 or later is needed"),
        (model({0: [(1, "nan", 0, 0)]}), "line 1: POSITION_X must be finite, got 'nan'"),
        (model({0: [(1, "wide", 0, 0)]}), "POSITION_X must be a number, got 'wide'"),
        (model({99999999: [(1, 0, 0, 0)]}), "frame must be a whole number from 0 to 10000000"),
        (model({-1: [(1, 0, 0, 0)]}), "frame must be a whole number from 0"),
        (model(CHAIN).replace('QUALITY="1.5"', 'QUALITY="good"'), "QUALITY must be a number, got 'good'"),
        (model(CHAIN).replace(' POSITION_Y="2"', ""), "the attribute POSITION_Y is missing"),
        (model(CHAIN, image='<ImageData pixelwidth="0" pixelheight="0"/>'), "pixelwidth, .* must be positive"),
        (
            model(CHAIN, image='<ImageData pixelwidth="1" pixelheight="2"/>'),
            r"pixels must be square, got 1\.0 times 2\.0",
        ),
        (model(CHAIN).replace('QUALITY="1.5"', 'X="1.5"'), "holds 3 spots but no tracks"),
        (model(CHAIN, {0: [(10, 11)]}).replace("QUALITY=", "X="), "its feature X cannot be a column"),
        ('<TrackMate version="7.0.0"/>', "is a TrackMate file without a Model"),
    ],
)
def test_what_cannot_be_is_one_sentence(read, text, sentence):
    with pytest.raises(TrackingError, match=sentence):
        read(text)


def test_no_spots_at_all_are_valid(read):
    assert read(model({})).n_particles == 0


def oracle_links(file):
    with file.open() as stream:
        return {(int(row["spot_source_id"]), int(row["spot_target_id"])) for row in csv.DictReader(stream)}


@pytest.mark.parametrize(
    ("name", "n_links", "n_tracks", "n_merges"),
    [("without_gap_closing", 127, 6, 0), ("with_gap_closing", 128, 5, 0), ("with_merging", 129, 4, 1)],
)
def test_the_oracles_links_are_read_as_trackmate_exported_them(shared_data, name, n_links, n_tracks, n_merges):
    folder = shared_data / "laptrack_oracle"
    tracks = read_trackmate(folder / f"trackmate_tracks_{name}.xml")
    # Spots are told by frame and position, as the tables give them.
    ids = {}
    with (folder / f"trackmate_tracks_{name}_spots.csv").open() as stream:
        for row in csv.DictReader(stream):
            ids[int(row["frame"]), float(row["position_x"]), float(row["position_y"])] = int(row["id"])
    spots = [ids[place] for place in zip(*(tracks.spots[column] for column in ("frame", "x", "y")), strict=True)]
    found = {(spots[source], spots[target]) for source, target in edges_of(tracks)}
    assert found == oracle_links(folder / f"trackmate_tracks_{name}_edges.csv")
    assert len(found) == n_links
    assert sum(len(of) > 1 for of in tracks.parents.values()) == n_merges
    assert tracks.n_particles == n_tracks + 2 * n_merges


def test_the_file_of_version_8(shared_data):
    tracks = read_trackmate(shared_data / "trackmate_samples/pycellin_FakeTracks_TMv8.xml")
    # Two tracks pass its filter; of track 0 the file itself says 74 spots and 2 splits.
    assert (len(tracks.spots), tracks.n_particles) == (84, 6)
    assert len({of for of in tracks.parents.values()}) == 2
    assert (tracks.pixel_size, tracks.frame_interval) == (1.0, 1.0)
    assert {"quality", "radius", "mean_intensity_ch1", "area"} <= set(tracks.spots.columns)
    everything = read_trackmate(shared_data / "trackmate_samples/pycellin_FakeTracks_TMv8.xml", with_hidden=True)
    assert len(everything.spots) > len(tracks.spots)


def test_the_same_tracks_as_in_the_challenges_format(shared_data):
    folder = shared_data / "trackmate_samples"
    whole = read_trackmate(folder / "stracking_FakeTracks_TrackMate.xml")
    places = {tuple(row) for row in whole.spots[["frame", "x", "y"]].to_numpy()}
    exported = read_challenge_xml(folder / "stracking_FakeTracks_ISBI.xml")
    assert {tuple(row) for row in exported.spots[["frame", "x", "y"]].to_numpy()} <= places


def test_a_file_of_2014_without_tracks(shared_data):
    with pytest.raises(TrackingError, match="holds 184 spots but no tracks"):
        read_trackmate(shared_data / "trackmate_samples/trackmate2014_FakeTracks.xml")


def test_simple_tracks(shared_data, tmp_path):
    tracks = read_trackmate_simple(shared_data / "trackmate_samples/trackmate2014_FakeTracks_Tracks.xml")
    assert tracks.n_particles == 4
    assert tracks.spots.groupby("particle").size().tolist()[:2] == [29, 33]
    assert (tracks.pixel_size, tracks.frame_interval) == (None, 1.0)


def test_simple_tracks_in_micrometres_keep_their_distances(tmp_path):
    file = tmp_path / "simple.xml"
    text = """<Tracks nTracks="1" spaceUnits="nm" frameInterval="20" timeUnits="ms"><particle nSpots="1">
        <detection t="0" x="1500" y="0" z="0.0"/></particle></Tracks>"""
    file.write_text(text)
    tracks = read_trackmate_simple(file)
    assert tracks.spots["x"].tolist() == [1500]
    assert (tracks.pixel_size, tracks.frame_interval) == (1e-3, pytest.approx(0.02))
    file.write_text(text.replace('"20"', '"often"'))
    with pytest.raises(TrackingError, match="frameInterval must be a number, got 'often'"):
        read_trackmate_simple(file)
