from dataclasses import replace

import pytest

from tracking.calibration.likeness import likeness
from tracking.calibration.look import MovieStatistics

MOVIE = MovieStatistics(*(0.002, 10.0, 40.0, 0.1, 6.0, 20.0, 4.0, 1.1, 0.2, 0.1), *(2.0, 0.05, 0.1, 0.05, 0.0, 0.3))


def row(name, movie, simulated):
    return next(one for one in likeness(movie, simulated) if one.name == name)


def test_a_movie_is_like_itself():
    rows = likeness(MOVIE, [MOVIE, MOVIE, MOVIE])
    assert all(one.agrees for one in rows)
    density = row("spots_per_pixel", MOVIE, [MOVIE])
    assert (density.movie, density.simulated) == (pytest.approx(20.0), pytest.approx(20.0))


def test_what_differs_is_found():
    others = [replace(MOVIE, scale=3.0 + 0.02 * one, missed=0.2) for one in range(4)]
    assert not row("scale", MOVIE, others).agrees
    assert not row("missed", MOVIE, others).agrees
    assert row("noise", MOVIE, others).agrees


def test_what_scatters_among_simulated_movies_may_differ_by_as_much():
    others = [replace(MOVIE, scale=one) for one in (1.8, 2.6, 3.4, 2.6)]
    assert row("scale", MOVIE, others).agrees


def test_what_cannot_be_told_is_left_out():
    unknown = replace(MOVIE, size=float("nan"))
    assert "size" not in [one.name for one in likeness(unknown, [MOVIE, MOVIE])]
