import pytest

from tracking.metrics import frames_overlap
from tracking.tracks import Tracks


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("000", "..0", True),
        ("000", "...0", False),
        ("...0", "000", False),
        # Frame 1 is one of the reference's, where its point is interpolated.
        ("0.0", ".0", True),
    ],
)
def test_frames_overlap(draw, reference, candidate, expected):
    assert frames_overlap(draw(reference), draw(candidate)) is expected


def test_nothing_overlaps_nothing(draw):
    assert not frames_overlap(Tracks.empty(), draw("0"))
    assert not frames_overlap(draw("0"), Tracks.empty())
