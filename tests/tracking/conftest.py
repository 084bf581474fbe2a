from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from tracking.tracks import Tracks

if TYPE_CHECKING:
    from tracking.dpht.network import TrackNetwork

WEIGHTS = Path(__file__).resolve().parents[2] / "bundles" / "particle_tracker" / "models" / "model.pt"
POSITIONS = st.floats(-1e4, 1e4)
VALUES = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))
UNITS = st.one_of(st.none(), st.floats(1e-3, 1e3))


@pytest.fixture(scope="session")
def shipped() -> "TrackNetwork":
    """The network of the bundle."""
    from tracking.dpht.weights import load_weights

    return load_weights(WEIGHTS)


@st.composite
def _tracks(draw, is_3d=None, with_parents=True, with_columns=True, with_units=True):
    is_3d = draw(st.booleans()) if is_3d is None else is_3d
    axes = ("x", "y", "z") if is_3d else ("x", "y")
    particles = draw(st.lists(st.integers(0, 30), unique=True, max_size=6))
    # Any frames but none twice: gaps come by themselves.
    frames = {particle: sorted(draw(st.sets(st.integers(0, 12), min_size=1, max_size=4))) for particle in particles}
    rows = [(frame, particle) for particle in particles for frame in frames[particle]]
    spots = pd.DataFrame(rows, columns=["frame", "particle"]).astype(np.int64)
    n = len(spots)

    def column(values):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    for axis in axes:
        spots[axis] = column(POSITIONS).astype(np.float64)
    if with_columns:
        for name in draw(st.sets(st.sampled_from(["mass", "x_std", "y_std", "xy_cov", "link_probability", "hue"]))):
            spots[name] = column(VALUES).astype(np.float64)
        if draw(st.booleans()):
            spots["virtual"] = column(st.booleans()).astype(bool)
        if draw(st.booleans()):
            spots["count"] = column(st.integers(-(2**31), 2**31)).astype(np.int64)
    parents = {}
    for child in particles if with_parents else ():
        earlier = [parent for parent in particles if frames[parent][-1] < frames[child][0]]
        if earlier:
            parents[child] = tuple(draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)))
    units = {
        name: draw(UNITS) if with_units and (is_3d or name != "z_step") else None
        for name in ("pixel_size", "z_step", "frame_interval")
    }
    return Tracks.create(spots, parents, **units)


@pytest.fixture(scope="session")
def any_tracks() -> Callable[..., st.SearchStrategy[Tracks]]:
    """Tracks of all sorts, none included: with gaps, merges, splits, further columns and missing values, and units.

    A fixture, as test modules cannot import from one another: ``data.draw(any_tracks(is_3d=True))``.
    """
    return _tracks


@pytest.fixture(scope="session")
def assert_same() -> Callable[..., None]:
    """Check that two tracks are exactly the same, but for the order of columns and of parents."""

    def check(found: Tracks, expected: Tracks, *, units: bool = True, rtol: float | None = None) -> None:
        tolerance = {"check_exact": True} if rtol is None else {"rtol": rtol, "atol": 1e-300}
        pd.testing.assert_frame_equal(found.spots, expected.spots, check_like=True, **tolerance)
        assert {child: sorted(of) for child, of in found.parents.items()} == {
            child: sorted(of) for child, of in expected.parents.items()
        }
        for name in ("pixel_size", "z_step", "frame_interval") if units else ():
            value, wanted = getattr(found, name), getattr(expected, name)
            assert value == (wanted if None in (wanted, rtol) else pytest.approx(wanted, rel=rtol, abs=0)), name

    return check


@pytest.fixture
def split_and_merge() -> Tracks:
    """Four particles that split and merge, with a gap in one of them.

    ::

        t=0   1   2   3   4   5   6
                . 2 - - - 2 .          particle 1 splits into 2 and 3,
        1 - 1 <               > 4 - 4  2 is unseen at t=3,
                . 3 - 3 - 3 .          and both merge into 4
    """
    rows = [
        *[(0, 1, 10.0, 5.0), (1, 1, 11.0, 5.5)],
        *[(2, 2, 12.0, 4.0), (4, 2, 14.0, 4.25)],
        *[(2, 3, 12.0, 7.0), (3, 3, 13.0, 7.125), (4, 3, 14.0, 7.0)],
        *[(5, 4, 15.0, 5.5), (6, 4, 16.0, 5.25)],
    ]
    spots = pd.DataFrame(rows, columns=["frame", "particle", "x", "y"])
    return Tracks.create(spots, {2: (1,), 3: (1,), 4: (2, 3)})
