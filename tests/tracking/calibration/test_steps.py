import numpy as np

from tracking.calibration.steps import steps_of_tracks


def test_runs_end_at_gaps_and_at_ends_of_tracks():
    #  t=0  1  2  3  4  5
    #    a--a--a           one run of two steps
    #       b--b     b--b  two runs of a step each, as b is missed at t=3
    #             c        a spot alone has no step
    #    .                 particle -1 is none
    rows = [(0, 0, 0.0), (1, 0, 1.0), (2, 0, 3.0), (1, 1, 10.0), (2, 1, 10.5), (4, 1, 30.0), (5, 1, 30.25)]
    rows += [(3, 2, 50.0), (0, -1, 7.0), (1, -1, 8.0)]
    frame, particle, x = map(np.array, zip(*rows, strict=True))
    steps = steps_of_tracks(frame, particle, np.stack([np.zeros(len(x)), x], axis=1))
    assert steps.displacement[:, 1].tolist() == [1.0, 2.0, 0.5, 0.25]
    assert steps.run[0] == steps.run[1]
    assert len(set(steps.run[1:].tolist())) == 3


def test_the_order_of_spots_does_not_matter():
    rng = np.random.default_rng(0)
    frame, particle = np.tile(np.arange(6), 3), np.repeat(np.arange(3), 6)
    place = rng.normal(size=(18, 2))
    mixed = rng.permutation(18)
    one, other = steps_of_tracks(frame, particle, place), steps_of_tracks(frame[mixed], particle[mixed], place[mixed])
    np.testing.assert_array_equal(one.displacement, other.displacement)
    np.testing.assert_array_equal(one.run, other.run)


def test_pairs_stay_within_their_run():
    steps = steps_of_tracks(np.tile(np.arange(4), 2), np.repeat([0, 1], 4), np.zeros((8, 2)))
    #  run 0: steps 0 1 2, run 1: steps 3 4 5
    assert steps.pairs(1).tolist() == [0, 1, 3, 4]
    assert steps.pairs(2).tolist() == [0, 3]
    assert steps.pairs(9).tolist() == []


def test_no_spots_give_no_steps():
    steps = steps_of_tracks(np.empty(0, int), np.empty(0, int), np.empty((0, 2)))
    assert len(steps) == 0
