import numpy as np
import pytest

from tracking.errors import TrackingError
from tracking.motion import localisation_error


def test_by_hand(tracks_of):
    # x of the first: mean 1, squares 1 + 1 over 2 - 1; of the second: 0. Together 2 over two degrees of freedom.
    tracks = tracks_of([(0, 0, 0, 5), (1, 0, 2, 5), (0, 1, 3, 3), (1, 1, 3, 3), (0, 2, 9, 9)])
    result = localisation_error(tracks)
    y, x = result.per_axis_um
    assert x.value == pytest.approx(1.0)
    assert y.value == 0
    assert (result.n_tracks, result.n_spots) == (2, 4)


def test_error_of_particles_that_stand_still(simulate):
    result = localisation_error(simulate(1, n_frames=5, diffusion=0.0, error=0.03, n_axes=3))
    assert len(result.per_axis_um) == 3
    for axis in result.per_axis_um:
        assert axis.low < 0.03 < axis.high
        assert axis.high - axis.low < 0.007


def test_far_from_the_origin_no_digit_is_lost(tracks_of):
    tracks = tracks_of([(0, 0, 1e9 - 2, 0), (1, 0, 1e9, 0)])
    assert localisation_error(tracks).per_axis_um[1].value == pytest.approx(np.sqrt(2))


def test_one_spot_a_particle_tells_nothing(tracks_of):
    with pytest.raises(TrackingError, match="needs a particle that was seen in two frames"):
        localisation_error(tracks_of([(0, 0, 0, 0), (1, 1, 0, 0)]))
