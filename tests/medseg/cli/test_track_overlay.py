import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import EllipseCollection
from matplotlib.colors import to_hex

from medseg.cli.track_overlay import _DETECTED, _UNLINKED, _box, _regions, _segments, save_overlay
from tracking.io import open_movie, write_movie
from tracking.tracks import Tracks


def filled(x_std, y_std, xy_cov):
    return pd.DataFrame({"x_std": [x_std], "y_std": [y_std], "xy_cov": [xy_cov]})


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, 2.5])
def test_the_ellipse_holds_the_particle_in_95_of_100_cases(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = turn @ np.diag([9.0, 1.0]) @ turn.T
    (width,), (height,), (degrees,) = _regions(
        filled(np.sqrt(covariance[0, 0]), np.sqrt(covariance[1, 1]), covariance[0, 1])
    )

    places = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000)
    back = np.radians(-degrees)
    along = places @ np.array([[np.cos(back), -np.sin(back)], [np.sin(back), np.cos(back)]]).T
    inside = ((along / [width / 2, height / 2]) ** 2).sum(axis=1) <= 1
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert width == pytest.approx(3 * height)


def test_where_nothing_is_known_there_is_no_ellipse():
    assert np.isnan(_regions(filled(np.nan, 1.0, 0.0))[0]).all()
    assert np.isnan(_regions(pd.DataFrame({"frame": [3]}))[0]).all()


def test_a_line_is_the_fainter_the_less_probable_its_link():
    #  frame      0    1     2
    #  particle 4 o -- o     o      the second link is unsure
    #  particle 7      o --- o      and of this nothing is known
    recent = pd.DataFrame({"frame": [0, 1, 2, 1, 2], "particle": [4, 4, 4, 7, 7], "x": [0.0, 1, 2, 8, 9], "y": 5.0})
    segments, colours = _segments(recent.assign(link_probability=[np.nan, 0.95, 0.4, np.nan, np.nan]), {})

    assert segments[:, :, 0].tolist() == [[0, 1], [1, 2], [8, 9]]
    opacity = colours[:, 3]
    assert 0.4 < opacity[1] < opacity[0] < opacity[2] == 1
    np.testing.assert_array_equal(colours[0, :3], colours[1, :3])
    # A tracker that tells no probability has all its lines in full.
    assert (_segments(recent, {})[1][:, 3] == 1).all()


def test_no_track_has_the_colour_of_a_circle():
    recent = pd.DataFrame({"frame": [0, 1] * 40, "particle": np.repeat(np.arange(40), 2), "x": 1.0, "y": 1.0})
    circles = np.array([[240, 228, 66], [213, 94, 0]]) / 255

    for colour in _segments(recent, {})[1][:, :3]:
        assert np.abs(circles - colour).max(axis=1).min() > 0.3


def test_a_line_leads_from_parents_to_children():
    #  frame       0     1     2     3
    #  particle 0  o --- o --\
    #  particle 1  o --- o --- (2) o o      two merge, and one of the parents was last seen before the tail begins
    recent = pd.DataFrame(
        {
            "frame": [0, 1, 0, 1, 2, 3],
            "particle": [0, 0, 1, 1, 2, 2],
            "x": [0.0, 1, 0, 1, 2, 3],
            "y": [0.0, 1, 4, 3, 2, 2],
        }
    )
    segments, colours = _segments(recent, {2: (0, 1, 7), 9: (2,)})

    assert segments[-2:].tolist() == [[[1, 1], [2, 2]], [[1, 3], [2, 2]]]
    assert len(segments) == len(colours) == 5
    np.testing.assert_array_equal(colours[-1], colours[2])


@pytest.mark.parametrize("centre", [(0.0, 0.0), (199.0, 3.0), (300.0, 99.0), (100.0, 50.0), (-8.0, 120.0)])
@pytest.mark.parametrize("shape", [(200, 100), (20, 500), (16, 16)])
def test_the_enlarged_part_lies_within_the_field(centre, shape):
    left, top, width, height = _box(centre, shape)

    assert left >= -0.5
    assert top >= -0.5
    assert left + width <= shape[1] - 0.5
    assert top + height <= shape[0] - 0.5
    assert (height, width) == tuple(min(max(length / 4, 32), length) for length in shape)


@pytest.fixture
def overlay(tmp_path, monkeypatch):
    """What `save_overlay` draws on three frames of noise: tracks in, figure out."""
    frames = np.random.default_rng(0).poisson(10, (3, 64, 64)).astype(np.uint8)
    write_movie(tmp_path / "movie.tif", iter(frames), frame_shape=(64, 64), dtype=frames.dtype)

    def draw(tracks, **options):
        figures = []
        monkeypatch.setattr(matplotlib.figure.Figure, "savefig", lambda self, *a, **k: figures.append(self))
        with open_movie(tmp_path / "movie.tif") as movie:
            save_overlay(tmp_path / "overlay.png", tracks, movie, 1.2, **options)
        return figures[0]

    return draw


def circles(axes, colour):
    found = [one for one in axes.collections if isinstance(one, EllipseCollection) and len(one.get_offsets())]
    return sum(len(one.get_offsets()) for one in found if to_hex(one.get_edgecolor()[0]) == colour)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


#  frame       0     1     2
#  particle 0  o --- o --- o
#  particle 1  o     |
#  particle 2        o          the figure shows frame 1
SPOTS = pd.DataFrame({"frame": [0, 1, 2, 0, 1], "particle": [0, 0, 0, 1, 2], "x": [9.0, 10, 11, 30, 40], "y": 20.0})


def test_every_spot_found_is_marked_whether_it_is_in_a_track_or_not(overlay):
    unlinked = pd.DataFrame({"frame": [0, 1, 1, 1, 2], "x": [5.0, 6, 7, 8, 9], "y": 50.0})
    figure = overlay(Tracks.create(SPOTS), unlinked=unlinked)

    for axes in figure.axes:
        assert circles(axes, _DETECTED) == 2
        assert circles(axes, _UNLINKED) == 3
    assert legend(figure) == ["detected", "found, in no track", "track; with those that ended in these frames"]
    assert figure.axes[0].get_title() == "frame 1 (of 0 to 2): 2 particles"


def test_the_legend_holds_what_is_drawn_and_nothing_else(overlay):
    one = SPOTS[SPOTS["particle"] == 0]
    truth = overlay(Tracks.create(one), seen="true position")
    assert legend(truth) == ["true position", "track"]
    filled = overlay(Tracks.create(one.assign(virtual=one["frame"] == 1)), unlinked=one.head(0))
    assert legend(filled) == ["detected", "filled in", "track"]


def test_of_a_movie_without_tracks_the_spots_are_shown(overlay):
    figure = overlay(Tracks.empty(), unlinked=pd.DataFrame({"frame": [1], "x": [5.0], "y": [6.0]}))

    assert circles(figure.axes[0], _UNLINKED) == 1
    assert "found, in no track" in legend(figure)
