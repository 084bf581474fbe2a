"""What the shipped tracker makes of movies small enough to draw. A column is a frame, a row is 3 pixels."""

import numpy as np
import pytest

from tracking.dpht.link_recurrent import link_recurrent
from tracking.graph import particles_from_edges


@pytest.fixture
def tracked(shipped, drawn):
    """The particles of a drawing, as the letters of their spots in the order of frames, and the links."""

    def track(text, *, depth=None, scale=3.0):
        frames, positions, letters = drawn(text)
        found = link_recurrent(frames, positions, shipped, scale=scale, depth=depth)
        particle, _ = particles_from_edges(len(frames), found.links)
        words = ["".join(letters[k] for k in np.flatnonzero(particle == one)) for one in range(particle.max() + 1)]
        return sorted(words), found

    return track


# Whether the first guess of how far particles move is right, too small or too large.
GUESSES = pytest.mark.parametrize("scale", [1.5, 3.0, 6.0])


def line(*missed):
    """One particle that goes on by a row a frame, for ten frames, and is missed in some of them."""
    return "\n".join(" " * frame + ("." if frame in missed else "a") for frame in range(10))


@GUESSES
def test_two_crossing_particles_keep_their_identity(tracked, scale):
    # Nearest-neighbour linking has them bounce: in the middle each is where the other was.
    words, _ = tracked(
        """
a        b
 a      b
  a    b
   a  b
    ab
    ba
   b  a
  b    a
 b      a
b        a
""",
        scale=scale,
    )
    assert words == ["a" * 10, "b" * 10]


def test_a_particle_that_overtakes_another(tracked):
    words, _ = tracked(
        """
c


 c

d
 dc
  d
   d
   cd
     d

    c


     c
""",
        scale=6.0,
    )
    assert words == ["cccccc", "dddddd"]


@GUESSES
def test_a_particle_that_goes_on_is_one_particle(tracked, scale):
    words, found = tracked(line(), scale=scale)
    assert words == ["a" * 10]
    assert found.scale == pytest.approx(3)
    assert (found.link_probability[1:] > 0.5).all()


@pytest.mark.parametrize("missed", [(5,), (4, 5), (2, 7), (3, 4, 7)])
def test_a_particle_missed_for_one_and_two_frames_is_bridged(tracked, missed):
    words, found = tracked(line(*missed))
    assert words == ["a" * (10 - len(missed))]
    assert sorted(found.gap_frame.tolist()) == list(missed)
    # On the line, and nearer to where it was missed than to where it was seen before or after.
    np.testing.assert_allclose(found.gap_position[:, 0], 3 * found.gap_frame, atol=2.0)
    np.testing.assert_allclose(found.gap_position[:, 1], 0, atol=1e-3)
    assert (np.linalg.eigvalsh(found.gap_covariance) > 0).all()


def test_what_is_missed_for_longer_than_the_depth_is_two_particles(tracked):
    assert tracked(line(4, 5), depth=2)[0] == ["aaaa", "aaaa"]
    assert tracked(line(4, 5), depth=1)[0] == ["aaaa", "aaaa"]


def test_an_isolated_false_detection_stays_alone(tracked):
    words, found = tracked(
        """
aaaaaaaaaa



      f



bbbbbbbbbb
"""
    )
    assert words == ["a" * 10, "b" * 10, "f"]
    # And it is taken for less real than any spot of a track.
    alone = int(np.flatnonzero((found.source < 0) & (np.arange(21) > 2))[0])
    assert found.real[alone] < np.delete(found.real, alone).min()


def test_a_false_detection_beside_a_track_does_not_lead_it_astray(tracked):
    words, _ = tracked(
        """
a
 a
  a
   a
    a
    fa
      a
       a
        a
         a
"""
    )
    assert words == ["a" * 10, "f"]


def test_particles_that_end_and_begin_are_different_ones(tracked):
    # b begins three frames after a ended, and far off its way.
    words, _ = tracked(
        """
a      b
 a      b
  a      b
   a      b
    a
"""
    )
    assert words == ["aaaaa", "bbbb"]


@pytest.mark.parametrize("n_axes", [2, 3])
def test_straight_lines_in_any_direction(shipped, n_axes):
    #  eight particles through a crowded middle, each straight on
    rng = np.random.default_rng(4)
    velocity = rng.normal(0, 1, (8, n_axes))
    velocity *= 3 / np.linalg.norm(velocity, axis=1, keepdims=True)
    t = np.arange(13)
    places = 6 * rng.standard_normal((8, n_axes)) + velocity * (t[:, None, None] - 6)
    found = link_recurrent(np.repeat(t, 8), places.reshape(-1, n_axes), shipped, scale=2.0)
    right = found.source[8:] == np.arange(12 * 8)
    assert right.mean() > 0.95
    assert found.scale == pytest.approx(3, rel=0.05)


def test_diffusing_particles_far_apart_keep_their_identity(shipped, crowd):
    frames, positions, particle = crowd(25, 20, side=150.0, missed=0.05, seed=3)
    found = link_recurrent(frames, positions, shipped, scale=1.5)
    before, after = found.links.T
    assert (particle[before] == particle[after]).mean() > 0.97
    assert len(found.links) > 0.95 * (len(frames) - 25)
    assert 0.8 < np.nanmean(found.link_probability) <= 1
