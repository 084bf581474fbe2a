import numpy as np
import pandas as pd
import pytest

from medseg.cli.track_overlay import _regions, _segments


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
    segments, colours = _segments(recent.assign(link_probability=[np.nan, 0.95, 0.4, np.nan, np.nan]))

    assert segments[:, :, 0].tolist() == [[0, 1], [1, 2], [8, 9]]
    opacity = colours[:, 3]
    assert opacity[1] < opacity[0] < opacity[2] == 1
    np.testing.assert_array_equal(colours[0, :3], colours[1, :3])
    # A tracker that tells no probability has all its lines in full.
    assert (_segments(recent)[1][:, 3] == 1).all()
