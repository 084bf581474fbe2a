import numpy as np
import pytest

from tracking.simulation.lifetimes import Lifetimes, draw_lifetimes


def test_spots_lie_by_age():
    #  frame   0 1 2 3
    #  first   # # #          lives longest, so it comes first
    #  second    # #
    #  third         #
    lifetimes = Lifetimes(first_frame=np.array([0, 1, 3]), n_alive=np.array([3, 2, 1]))
    assert lifetimes.n_spots == 6
    assert lifetimes.ages() == [slice(0, 3), slice(3, 5), slice(5, 6)]
    assert lifetimes.particle().tolist() == [0, 1, 2, 0, 1, 0]
    assert lifetimes.frame().tolist() == [0, 1, 3, 1, 2, 2]


def test_the_longest_lives_come_first_and_end_with_the_movie():
    lifetimes = draw_lifetimes(50, 0.9, 20, np.random.default_rng(0))
    lives = np.bincount(lifetimes.particle())
    assert (np.diff(lives) <= 0).all()
    assert lives.min() >= 1
    assert (lifetimes.first_frame + lives <= 20).all()


def test_nobody_dies_with_a_survival_of_one():
    lifetimes = draw_lifetimes(50, 1.0, 20, np.random.default_rng(0))
    assert (lifetimes.first_frame == 0).all()
    assert (lifetimes.n_alive == lifetimes.n_particles).all()
    assert len(lifetimes.n_alive) == 20


def test_no_particle_at_all():
    lifetimes = draw_lifetimes(1e-9, 0.9, 20, np.random.default_rng(0))
    assert lifetimes.n_particles == lifetimes.n_spots == 0
    assert lifetimes.frame().tolist() == lifetimes.particle().tolist() == []


def test_the_number_of_particles_is_poisson_in_every_frame_alike():
    n_movies, n_frames = 4000, 12
    counts = np.array(
        [
            np.bincount(draw_lifetimes(5, 0.7, n_frames, np.random.default_rng(seed)).frame(), minlength=n_frames)
            for seed in range(n_movies)
        ]
    )
    # Poisson: mean = variance = 5. Over 4000 movies their standard errors are 0.035 and about 0.12.
    assert counts.mean(axis=0) == pytest.approx(np.full(n_frames, 5.0), abs=0.15)
    assert counts.var(axis=0) == pytest.approx(np.full(n_frames, 5.0), abs=0.5)
    # What is left of frame t in frame t + 1: the correlation of an immigration-death process is the survival.
    assert np.corrcoef(counts[:, 0], counts[:, 1])[0, 1] == pytest.approx(0.7, abs=0.04)


@pytest.mark.parametrize("survival", [0.3, 0.91, 0.95])
def test_a_particle_survives_with_the_same_probability_at_every_age(survival):
    n_frames = 40
    lifetimes = draw_lifetimes(20_000, survival, n_frames, np.random.default_rng(1))
    life, first = np.bincount(lifetimes.particle()), lifetimes.first_frame
    for born_at_start in (True, False):
        for age in (1, 3, 8):
            # Only those whose further life the movie's end does not cut.
            reach = (life >= age) & ((first == 0) == born_at_start) & (first + age < n_frames)
            share = (life[reach] > age).mean()
            tolerance = 4.5 * np.sqrt(survival * (1 - survival) / reach.sum())
            assert share == pytest.approx(survival, abs=tolerance)
