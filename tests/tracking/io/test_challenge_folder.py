import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from tracking.errors import TrackingError
from tracking.io import open_movie, read_tracks
from tracking.io.challenge_folder import find_challenge_movies
from tracking.io.challenge_labels import ChallengeLabels, labels_in_name, labels_in_xml

FRAME = np.zeros((4, 5), np.uint8)
XML = (
    '<root><TrackContestISBI2012 {labels}><particle><detection t="0" x="{x}" y="1" z="0"/>'
    '<detection t="1" x="2" y="1" z="0"/></particle></TrackContestISBI2012></root>'
)


def tree(root: Path, drawing: str) -> Path:
    """Files from a drawing: one a line, an indented one in the folder above it, ``t0-2 z0-1`` being as many frames.

    Of an XML ``= 5`` tells its first x, by which one is told from another.
    """
    folders = []
    for line in drawing.strip("\n").splitlines():
        text = line.strip()
        depth = (len(line) - len(line.lstrip())) // 4
        folders = folders[:depth]
        if text.endswith("/"):
            folders.append(text[:-1])
            root.joinpath(*folders).mkdir(parents=True, exist_ok=True)
            continue
        name, _, x = text.partition(" = ")
        path = root.joinpath(*folders, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".xml":
            path.write_text(XML.format(labels="", x=x or 1))
        elif " t0-" in name:
            start, ends = name.split(" t0-")
            n_frames, n_slices = (int(end) + 1 for end in ends[: ends.index(".")].split(" z0-"))
            for t in range(n_frames):
                for z in range(n_slices):
                    tifffile.imwrite(path.parent / f"{start} t{t:03d} z{z}{path.suffix}", FRAME)
        elif path.suffix.lower() == ".tif":
            tifffile.imwrite(path, np.stack([FRAME] * 3), photometric="minisblack")
        else:
            path.write_text("something else")
    return root


def found(root: Path) -> dict[str, tuple[str, str]]:
    """Movie and truth of every set of labels, relative to the folder."""
    movies = find_challenge_movies(root).movies
    return {
        str(one.labels): (one.frames.relative_to(root).as_posix(), one.truth.relative_to(root).as_posix())
        for one in movies
    }


@pytest.mark.parametrize(
    ("drawing", "movie", "truth"),
    [
        (
            # As downloaded: a folder a scenario, a folder a movie, and all truths elsewhere.
            """
VESICLE/
    VESICLE snr 7 density mid/
        VESICLE snr 7 density mid t0-2 z0-0.tif
ground_truth/
    VESICLE snr 7 density mid.xml
""",
            "VESICLE/VESICLE snr 7 density mid",
            "ground_truth/VESICLE snr 7 density mid.xml",
        ),
        (
            """
vesicle/
    VESICLE snr 7 density mid.xml
    VESICLE snr 7 density mid/
        VESICLE snr 7 density mid t0-2 z0-0.tif
""",
            "vesicle/VESICLE snr 7 density mid",
            "vesicle/VESICLE snr 7 density mid.xml",
        ),
        (
            """
VESICLE snr 7 density mid/
    VESICLE snr 7 density mid t0-2 z0-0.tif
    VESICLE snr 7 density mid.xml
""",
            "VESICLE snr 7 density mid",
            "VESICLE snr 7 density mid/VESICLE snr 7 density mid.xml",
        ),
        (
            # Other case and separators; the tracks have their labels from the folder.
            """
data (1)/
    a/
        vesicle_SNR7_Mid/
            Vesicle  SNR-7_density__MID t0-2 z0-0.TIF
            tracks.XML
""",
            "data (1)/a/vesicle_SNR7_Mid",
            "data (1)/a/vesicle_SNR7_Mid/tracks.XML",
        ),
        (
            # One TIFF of all frames, as programs that need one are given it.
            """
stacks/
    VESICLE snr 7 density mid.tif
    RECEPTOR snr 7 density mid.tif
VESICLE snr 7 density mid.xml
""",
            "stacks/VESICLE snr 7 density mid.tif",
            "VESICLE snr 7 density mid.xml",
        ),
        (
            # What macOS leaves in zips, and pictures that are no movie.
            """
__MACOSX/
    ._VESICLE snr 7 density mid.xml
VESICLE snr 7 density mid/
    ._VESICLE snr 7 density mid t000 z0.tif
    VESICLE snr 7 density mid t0-2 z0-0.tif
notes/
    plot.tif
    other.tif
VESICLE snr 7 density mid.xml
""",
            "VESICLE snr 7 density mid",
            "VESICLE snr 7 density mid.xml",
        ),
    ],
    ids=["as downloaded", "beside the folder", "in the folder", "other names", "stacks", "leavings"],
)
def test_layouts(tmp_path, drawing, movie, truth):
    assert found(tree(tmp_path, drawing)) == {"VESICLE snr 7 density mid": (movie, truth)}


def test_slices_are_read_and_movies_sorted_as_the_challenge_lists_them(tmp_path):
    root = tree(
        tmp_path,
        """
VIRUS snr 7 density mid/
    VIRUS snr 7 density mid t0-2 z0-1.tif
VIRUS snr 7 density low/
    VIRUS snr 7 density low t0-1 z0-1.tif
RECEPTOR snr 4 density high/
    RECEPTOR snr 4 density high t0-1 z0-0.tif
RECEPTOR snr 2 density high/
    RECEPTOR snr 2 density high t0-1 z0-0.tif
VIRUS snr 7 density mid.xml
VIRUS snr 7 density low.xml
RECEPTOR snr 4 density high.xml
RECEPTOR snr 2 density high.xml
""",
    )
    movies = find_challenge_movies(root).movies
    assert [tuple(one.labels) for one in movies] == [
        ("receptor", "high", 2),
        ("receptor", "high", 4),
        ("virus", "low", 7),
        ("virus", "mid", 7),
    ]
    with open_movie(movies[-1].frames) as movie:
        assert (movie.n_frames, movie.frame_shape) == (3, (2, 4, 5))
    assert read_tracks(movies[-1].truth).n_particles == 1


def test_labels_in_the_xml_count_where_no_name_has_any(tmp_path):
    root = tree(
        tmp_path,
        """
VIRUS snr 2 density low/
    VIRUS snr 2 density low t0-1 z0-1.tif
""",
    )
    (root / "answers").mkdir()
    labels = 'SNR="2.0" Density="LOW" scenario="Virus"'
    (root / "answers" / "17.xml").write_text(XML.format(labels=labels, x=1))
    (root / "answers" / "18.xml").write_text(XML.format(labels='snr="?" density="?" scenario="?"', x=1))
    assert found(root) == {"VIRUS snr 2 density low": ("VIRUS snr 2 density low", "answers/17.xml")}


# Training movies and challenge movies have the same names, and so have the detections that programs make of them.
TWICE = """
challenge/
    VESICLE snr 7 density mid/
        VESICLE snr 7 density mid t0-2 z0-0.tif
{more}
"""


@pytest.mark.parametrize(
    ("more", "truth", "warning"),
    [
        (
            "detections/\n    VESICLE snr 7 density mid.xml = 5\nground_truth/\n    VESICLE snr 7 density mid.xml",
            "ground_truth/VESICLE snr 7 density mid.xml",
            "was taken as the truth, not",
        ),
        (
            "    ground_truth/\n        VESICLE snr 7 density mid.xml\n"
            "training/\n    ground_truth/\n        VESICLE snr 7 density mid.xml = 5",
            "challenge/ground_truth/VESICLE snr 7 density mid.xml",
            "was taken as the truth, not",
        ),
        (
            "        result.xml = 5\n    VESICLE snr 7 density mid.xml",
            "challenge/VESICLE snr 7 density mid.xml",
            "was taken as the truth, not",
        ),
        ("a/\n    VESICLE snr 7 density mid.xml = 5\nb/\n    VESICLE snr 7 density mid.xml", None, "two tracks"),
        ("a/\n    VESICLE snr 7 density mid.xml\nb/\n    VESICLE snr 7 density mid.xml", "a/", None),
    ],
    ids=["named truth", "nearest", "named as the movie", "undecided", "copies"],
)
def test_which_of_several_tracks_is_the_truth(tmp_path, more, truth, warning):
    root = tree(tmp_path, TWICE.format(more=more))
    movies = found(root)
    assert len(movies) == (truth is not None)
    if truth:
        assert movies["VESICLE snr 7 density mid"][1].startswith(truth)
    warnings = find_challenge_movies(root).warnings
    assert len(warnings) == (warning is not None)
    assert all(warning in one for one in warnings)


@pytest.mark.parametrize(
    ("drawing", "message", "left_out"),
    [
        (
            "VIRUS snr 7 density mid/\n    VIRUS snr 7 density mid t0-2 z0-1.tif",
            "left out: VIRUS snr 7 density mid has no truth",
            [7],
        ),
        ("VIRUS snr 7 density mid.xml", "left out: VIRUS snr 7 density mid has a truth, .* but no movie", [7]),
        (
            # Two zips unpacked into one folder.
            "all/\n    VIRUS snr 7 density mid t0-2 z0-1.tif\n    VIRUS snr 4 density mid t0-2 z0-1.tif",
            "left out: .* holds frames of two movies",
            [4, 7],
        ),
        (
            "1/\n    VIRUS snr 7 density mid t0-2 z0-1.tif\n2/\n    VIRUS snr 7 density mid t0-2 z0-1.tif\n"
            "VIRUS snr 7 density mid.xml",
            "is there twice: .*2.* was left out, .*1.* taken",
            [],
        ),
    ],
    ids=["no truth", "no movie", "two in one folder", "twice"],
)
def test_what_is_left_out_is_named(tmp_path, drawing, message, left_out):
    result = find_challenge_movies(tree(tmp_path, drawing))
    assert len(result.warnings) == 1
    assert re.search(message, result.warnings[0])
    assert result.left_out == tuple(ChallengeLabels("virus", "mid", snr) for snr in left_out)


def test_a_movie_that_lacks_a_slice_is_named(tmp_path):
    root = tree(tmp_path, TWICE.format(more="VESICLE snr 7 density mid.xml"))
    (root / "challenge/VESICLE snr 7 density mid/VESICLE snr 7 density mid t001 z0.tif").unlink()
    result = find_challenge_movies(root)
    assert not result.movies
    assert "t1 z0 is missing" in result.warnings[0]


def test_files_of_other_formats_are_no_truth(tmp_path):
    root = tree(tmp_path, TWICE.format(more=""))
    # TrackMate saves its file under the movie's name.
    (root / "VESICLE snr 7 density mid.xml").write_text("<TrackMate><Model/></TrackMate>")
    (root / "VESICLE snr 4 density mid.xml").write_text("<root><Track")
    result = find_challenge_movies(root)
    assert not result.movies
    assert len(result.warnings) == 2
    assert any("not well-formed" in one for one in result.warnings)
    assert any("has no truth" in one for one in result.warnings)
    assert [labels.snr for labels in result.left_out] == [4, 7]


def test_what_medseg_wrote_is_no_input(tmp_path):
    root = tree(tmp_path, TWICE.format(more="VESICLE snr 7 density mid.xml"))
    for folder, mark in (("out", "run.json"), ("killed", "results.json"), ("now", "other.json")):
        tree(root / folder, "tracks/\n    recurrent/\n        VESICLE snr 7 density mid.xml = 5")
        (root / folder / mark).write_text("{}")
    result = find_challenge_movies(root, skip=root / "now")
    assert result.movies[0].truth == root / "VESICLE snr 7 density mid.xml"
    # Not even looked into is what this command writes; of the others it says so.
    assert len(result.warnings) == 2
    assert all("which medseg wrote" in one for one in result.warnings)
    assert not result.left_out


def test_links_are_followed_and_circles_are_none(tmp_path):
    data = tree(tmp_path / "disk", TWICE.format(more="VESICLE snr 7 density mid.xml"))
    (data / "again").symlink_to(data)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "data").symlink_to(data)
    assert len(find_challenge_movies(tmp_path / "here").movies) == 1


def test_no_folder(tmp_path):
    with pytest.raises(TrackingError, match="is no folder"):
        find_challenge_movies(tmp_path / "absent")


@given(
    st.sampled_from(["vesicle", "receptor", "microtubule", "virus"]),
    st.sampled_from(["low", "mid", "high"]),
    st.integers(1, 9),
    st.sampled_from([" ", "_", "-", "  ", ""]),
    st.booleans(),
    st.sampled_from(["", "t000 z0", " t12 z03", ".ome", " (2)"]),
)
def test_labels_are_read_from_any_spelling(scenario, density, snr, separator, is_loud, rest):
    name = separator.join([scenario, "snr", str(snr), "density", density]) + (rest and " " + rest)
    labels = labels_in_name(name.upper() if is_loud else name)
    assert labels == ChallengeLabels(scenario, density, snr)
    assert labels_in_name(str(labels)) == labels


@pytest.mark.parametrize(
    "name", ["VESICLE snr 1247 density low", "VESICLE", "cell snr 4 density low", "antivirus snr 4 density low", ""]
)
def test_names_without_labels(name):
    assert labels_in_name(name) is None


def test_the_start_of_a_file_is_enough(tmp_path):
    path = tmp_path / "half.xml"
    path.write_text(
        '<?xml version="1.0"?>\n<root>\n<TrackContestISBI2012 snr="4" density="low" scenario="RECEPTOR">\n<p'
    )
    assert labels_in_xml(path) == (True, ChallengeLabels("receptor", "low", 4))


def test_the_folder_itself_may_hold_a_record_and_a_pipe_is_no_file(tmp_path):
    root = tree(tmp_path, TWICE.format(more="VESICLE snr 7 density mid.xml"))
    (root / "run.json").write_text("{}")
    os.mkfifo(root / "VESICLE snr 7 density mid truth.xml")
    result = find_challenge_movies(root)
    assert result.movies[0].truth == root / "VESICLE snr 7 density mid.xml"
