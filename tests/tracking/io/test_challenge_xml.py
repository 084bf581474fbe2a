import re
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io.challenge_xml import read_challenge_xml, write_challenge_xml
from tracking.tracks import Tracks


def contest(particles):
    contest = f'<TrackContestISBI2012 snr="4" density="low" scenario="X">\n{particles}\n</TrackContestISBI2012>'
    return f"<root>\n{contest}</root>"


@pytest.fixture
def read(tmp_path):
    def reading(text):
        file = tmp_path / "tracks.xml"
        file.write_text(text)
        return read_challenge_xml(file)

    return reading


def test_particles_are_numbered_in_the_order_of_the_file(read):
    tracks = read(
        contest("""
        <particle><detection t="3" x="1.5" y="2" z="0"/><detection t="1" x="1" y="2" z="0"/></particle>
        <particle></particle>
        <particle><detection t="1" x="9" y="8" z="0"/></particle>""")
    )
    assert tracks.axes == ("y", "x")
    assert tracks.spots[["frame", "particle", "x", "y"]].to_numpy().tolist() == [
        [1, 0, 1, 2],
        [1, 1, 9, 8],
        [3, 0, 1.5, 2],
    ]


def test_case_and_order_of_attributes_do_not_matter_and_missing_coordinates_are_0(read):
    tracks = read("""<ROOT><trackContestISBI2012 SNR="4"><Particle>
        <Detection Z="2.5" T="0.0"/><DETECTION Y="1" t="1"/>
        </Particle></trackContestISBI2012></ROOT>""")
    assert tracks.spots[["frame", "z", "y", "x"]].to_numpy().tolist() == [[0, 2.5, 0, 0], [1, 0, 1, 0]]


@pytest.mark.parametrize(
    ("detections", "sentence"),
    [
        ('<detection x="1" y="1"/>', "line 3: the attribute t is missing"),
        ('<detection t="1"/>\n<detection t="1" x="5"/>', "line 4: the particle has two detections at t = 1"),
        ('<detection t="-1" x="1" y="1"/>', "line 3: t must be a whole number from 0 to 10000000, got '-1'"),
        ('<detection t="1.5"/>', "line 3: t must be a whole number from 0 to 10000000, got '1.5'"),
        ('<detection t="99999999999"/>', "line 3: t must be a whole number from 0 to 10000000"),
        ('<detection t="one"/>', "line 3: t must be a number, got 'one'"),
        ('<detection t="0" x="nan"/>', "line 3: x must be finite, got 'nan'"),
        ('<detection t="0" y="-inf"/>', "line 3: y must be finite, got '-inf'"),
        ('<detection t="0" z="1,5"/>', "line 3: z must be a number, got '1,5'"),
    ],
)
def test_a_detection_that_cannot_be_is_named_with_its_line(read, detections, sentence):
    with pytest.raises(TrackingError, match=sentence):
        read(contest(f"<particle>{detections}</particle>"))


def test_a_detection_outside_of_a_particle(read):
    with pytest.raises(TrackingError, match="a detection stands outside of every particle"):
        read(contest('<particle></particle><detection t="0" x="0" y="0" z="0"/>'))


@pytest.mark.parametrize("text", ["<root/>", "<root><trackfile version='1'/></root>", "<root><particle/></root>"])
def test_a_file_of_another_format(read, text):
    with pytest.raises(TrackingError, match="a file of this format holds <TrackContestISBI2012>, but here stands"):
        read(text)


def test_no_particle_at_all_is_a_valid_file_both_ways(tmp_path, read):
    assert read(contest("")).n_particles == 0
    write_challenge_xml(tmp_path / "empty.xml", Tracks.empty())
    assert read_challenge_xml(tmp_path / "empty.xml").n_particles == 0


def test_the_file_holds_nothing_but_what_the_format_knows(tmp_path, read):
    spots = pd.DataFrame(
        {"frame": [4, 5], "particle": 3, "x": [0.1, 7], "y": [1 / 3, 8], "x_std": 0.2, "virtual": [0, 1]}
    )
    file = tmp_path / "tracks.xml"
    write_challenge_xml(file, Tracks.create(spots), snr="4", density="mid", scenario='A "virus" & more')
    root = ElementTree.parse(file).getroot()
    (inner,) = root
    assert (root.tag, inner.tag) == ("root", "TrackContestISBI2012")
    assert inner.attrib == {"snr": "4", "density": "mid", "scenario": 'A "virus" & more'}
    (particle,) = inner
    assert [detection.attrib for detection in particle] == [
        {"t": "4", "x": "0.1", "y": "0.3333333333333333", "z": "0"},
        {"t": "5", "x": "7.0", "y": "8.0", "z": "0"},
    ]


def test_merges_and_splits_are_never_lost(tmp_path, split_and_merge):
    with pytest.raises(TrackingError, match="cannot hold the 3 particles that begin by a split or a merge; write csv"):
        write_challenge_xml(tmp_path / "tracks.xml", split_and_merge)
    assert not (tmp_path / "tracks.xml").exists()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_exactly(data, any_tracks, assert_same, tmp_path_factory):
    tracks = data.draw(any_tracks(with_parents=False))
    file = tmp_path_factory.mktemp("challenge") / "tracks.xml"
    write_challenge_xml(file, tracks)
    # Lost are the particles' numbers but for their order, other columns, units, and a z that is 0 everywhere.
    spots = tracks.spots[["frame", "particle", *tracks.axes]]
    numbers = np.unique(spots["particle"])
    spots = spots.assign(particle=np.searchsorted(numbers, spots["particle"]))
    if "z" in spots and not spots["z"].any():
        spots = spots.drop(columns="z")
    assert_same(read_challenge_xml(file), Tracks.create(spots))


def test_the_real_file_of_icy(shared_data):
    file = shared_data / "trackmate_samples/stracking_FakeTracks_ISBI.xml"
    tracks = read_challenge_xml(file)
    detections = list(ElementTree.parse(file).iter("detection"))
    assert len(tracks.spots) == len(detections) == 156
    assert tracks.n_particles == 6
    assert tracks.axes == ("y", "x")
    expected = sorted(tuple(float(detection.get(name)) for name in "txy") for detection in detections)
    assert sorted(map(tuple, tracks.spots[["frame", "x", "y"]].to_numpy())) == expected


def test_the_oracles_files_are_read_completely(shared_data):
    files = sorted((shared_data / "ptc_oracle").glob("*.xml"))
    assert len(files) == 24
    for file in files:
        text = file.read_text()
        tracks = read_challenge_xml(file)
        assert tracks.n_particles == text.count("<particle>")
        assert len(tracks.spots) == text.count("<detection")
        has_depth = any(float(z) for z in re.findall(r' z="([^"]*)"', text))
        assert tracks.axes == (("z", "y", "x") if has_depth else ("y", "x"))


def test_reading_needs_little_more_memory_than_the_numbers(tmp_path):
    n = 20_000
    spots = pd.DataFrame({"frame": np.arange(n) % 100, "particle": np.arange(n) // 100, "x": 1 / 3, "y": 2 / 3})
    file = tmp_path / "tracks.xml"
    write_challenge_xml(file, Tracks.create(spots))
    tracemalloc.start()
    read_challenge_xml(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A tree of elements takes some 15 MB here; the numbers take 40 bytes a spot, and a few copies of them.
    assert peak < n * 300
