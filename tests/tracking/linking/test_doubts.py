import numpy as np
import pytest

from tracking.linking import Linking, LinkingOptions, link
from tracking.linking.doubts import link_doubts


def linking(*, probability=0.95, linked=1.0, density=0.1, scale=2.0, n=100):
    """n spots, of which a share is in pairs that are linked with a probability."""
    particle = np.arange(n)
    second = np.arange(1, int(linked * n), 2)
    particle[second] = second - 1
    link_probability = np.full(n, np.nan)
    link_probability[second] = probability
    return Linking(
        np.unique(particle, return_inverse=True)[1],
        link_probability=link_probability,
        track_probability=np.ones(n),
        scale=scale,
        density=density,
    )


def test_links_that_are_sure_raise_no_doubt():
    assert link_doubts(linking(), 2) == []


@pytest.mark.parametrize(
    ("values", "n_axes", "sentence"),
    [
        # One spot in every square of 4 by 4 pixels is pi / 4 in a circle of 2.
        ({"density": np.pi / 4}, 2, "particles move 2 px between two frames where spots are 4 px apart"),
        ({"density": 0.4}, 3, "farther than in any movie the tracker was trained on"),
        ({"probability": 0.6}, 2, "links claim to be right with a probability of 0.60 on average"),
        ({"linked": 0.1}, 2, "only 10% of the spots could be linked"),
        ({"linked": 0.0}, 2, "only 0% of the spots could be linked"),
    ],
)
def test_every_doubt_is_one_sentence_that_names_the_remedy(values, n_axes, sentence):
    (found,) = link_doubts(linking(**values), n_axes)
    assert sentence in found
    assert "--calibrate" in found


def test_in_two_dimensions_more_spots_may_be_near_than_in_three():
    assert link_doubts(linking(density=0.4), 2) == []


@pytest.mark.parametrize("values", [{"n": 0}, {"n": 10, "probability": 0.1}, {"density": np.nan, "scale": np.nan}])
def test_few_spots_and_unknown_scales_tell_nothing(values):
    assert link_doubts(linking(**values), 2) == []


def test_methods_that_tell_no_probability_are_not_doubted():
    assert link_doubts(Linking(np.arange(50)), 2) == []


def test_whoever_has_calibrated_is_not_told_to():
    (found,) = link_doubts(linking(probability=0.6), 2, calibrated=True)
    assert "--calibrate" not in found


@pytest.mark.parametrize("radius", [3.0, 8.0])
def test_a_crowd_that_moves_as_far_as_it_is_apart_is_linked_and_doubted(shipped, radius):
    # 200 diffusing particles on 80 by 80 pixels, 5.7 pixels apart, that move 2.8 from frame to frame.
    rng = np.random.default_rng(0)
    place, frames, positions = rng.uniform(0, 80, (200, 2)), [], []
    for frame in range(10):
        frames += [frame] * 200
        positions.append(place)
        place = (place + rng.normal(0, 2, (200, 2))) % 80
    linked = link(
        np.array(frames), np.concatenate(positions), LinkingOptions(method="recurrent", search_radius=radius), shipped
    )
    following = linked.particle.reshape(10, 200)
    assert (following[1:] == following[:-1]).mean() > 0.3
    assert linked.scale == pytest.approx(2.8, rel=0.35)
    assert any("--calibrate" in one for one in link_doubts(linked, 2))
