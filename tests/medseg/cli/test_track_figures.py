import matplotlib.figure
import numpy as np
import pandas as pd
import pytest

from medseg.cli.track_figures import save_summary
from tracking.tracks import Tracks


@pytest.fixture
def summary(tmp_path, monkeypatch):
    """What `save_summary` draws: tracks in; the figure, drawn, out."""

    def draw(tracks, n_frames=20):
        figures = []
        save = matplotlib.figure.Figure.savefig
        monkeypatch.setattr(
            matplotlib.figure.Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
        )
        save_summary(tmp_path / "summary.png", tracks, n_frames)
        assert (tmp_path / "summary.png").stat().st_size > 0
        return figures[0]

    return draw


def walk(n_axes=2, **units):
    """Eight particles that move by 3 pixels in x, 4 in y and, in a volume, 6 slices, there and back."""
    frame, particle = (one.ravel() for one in np.meshgrid(np.arange(20), np.arange(8)))
    spots = pd.DataFrame(
        {"frame": frame, "particle": particle, "x": 50 + 3.0 * (frame % 2), "y": 50 + 4.0 * (frame % 2)}
    )
    return Tracks.create(spots.assign(z=6.0 * (frame % 2)) if n_axes == 3 else spots, **units)


def labels(figure):
    return {axes.get_title(): (axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes}


def displacement(figure):
    """The one displacement that all of them are."""
    (axes,) = (axes for axes in figure.axes if axes.get_title() == "displacements")
    (bar,) = (bar for bar in axes.patches if bar.get_height())
    return bar.get_x() + bar.get_width() / 2


@pytest.mark.parametrize(
    ("units", "length", "time"),
    [
        ({}, "px", "frames"),
        ({"pixel_size": 0.1}, "µm", "frames"),
        ({"pixel_size": 0.1, "frame_interval": 2.0}, "µm", "s"),
    ],
    ids=["nothing known", "pixel size known", "both known"],
)
def test_lengths_have_one_unit_in_the_whole_figure(summary, units, length, time):
    figure = summary(walk(**units))

    shown = labels(figure)
    assert shown["displacements"][0] == f"displacement from frame to frame ({length})"
    assert shown["mean squared displacement"] == (f"lag ({time})", f"MSD ({length}²)")
    assert displacement(figure) == pytest.approx(5 * units.get("pixel_size", 1), abs=0.02)


def test_in_a_volume_displacements_are_along_all_axes_or_said_to_be_in_the_plane(summary):
    #  3 and 4 pixels of .1 µm and 6 slices of .2 µm: .5 µm in the plane, 1.3 µm in all
    figure = summary(walk(3, pixel_size=0.1, z_step=0.2))
    assert displacement(figure) == pytest.approx(1.3, abs=0.02)
    assert "plane" not in str(labels(figure))

    flat = summary(walk(3, pixel_size=0.1))
    assert displacement(flat) == pytest.approx(0.5, abs=0.02)
    assert labels(flat)["displacements"][0] == "displacement from frame to frame in the plane (µm)"
    assert labels(flat)["mean squared displacement"][1] == "MSD in the plane (µm²)"
    assert "in the plane (px)" in labels(summary(walk(3, z_step=0.2)))["displacements"][0]


def test_ticks_of_the_mean_squared_displacement_are_plain_numbers(summary):
    random = np.random.default_rng(0)
    frame, particle = (one.ravel() for one in np.meshgrid(np.arange(20), np.arange(8)))
    steps = random.normal(0, 0.6, (2, 8, 20)).cumsum(axis=2).reshape(2, -1)
    tracks = Tracks.create(pd.DataFrame({"frame": frame, "particle": particle, "x": steps[0], "y": steps[1]}))

    (axes,) = (one for one in summary(tracks).axes if one.get_title() == "mean squared displacement")
    for axis in (axes.xaxis, axes.yaxis):
        shown = [one.get_text() for one in (*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)) if one.get_text()]
        assert len(shown) >= 2
        assert all(float(text) > 0 for text in shown)


def test_a_movie_without_tracks_says_so(summary):
    figure = summary(Tracks.empty())

    assert not figure.axes
    assert [text.get_text() for text in figure.texts] == ["no tracks"]


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_a_pixel_size_of_no_microscope_is_none(summary, size):
    assert labels(summary(walk(pixel_size=size)))["mean squared displacement"][1] == "MSD (px²)"
