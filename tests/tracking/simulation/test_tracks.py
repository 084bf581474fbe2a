import numpy as np
import pytest

from tracking import simulation
from tracking.errors import TrackingError
from tracking.simulation import SwitchingMotion, simulate_positions, simulate_tracks
from tracking.simulation.seeding import frame_generator, tracks_generator


def test_the_truth_holds_the_simulated_positions(make_options):
    options = make_options(frame_shape=(4, 30, 50), motion=SwitchingMotion())
    tracks = simulate_tracks(options, seed=3)
    simulated = simulate_positions(options, tracks_generator(3))
    order = np.lexsort((simulated.particle, simulated.frame))
    assert tracks.axes == ("z", "y", "x")
    assert (tracks.positions() == simulated.position[order]).all()
    assert tracks.spots["frame"].tolist() == simulated.frame[order].tolist()
    assert tracks.spots["particle"].tolist() == simulated.particle[order].tolist()
    assert tracks.spots["directed"].tolist() == simulated.directed[order].tolist()


def test_the_same_seed_gives_the_same_tracks_and_another_one_others(make_options):
    options = make_options(particles_per_frame=50)
    first, again, other = (simulate_tracks(options, seed).spots for seed in (1, 1, 2))
    assert first.equals(again)
    assert not set(first["x"]) & set(other["x"])


def test_seeds_are_independent(make_options):
    # Neighbouring seeds share no structure: numbers of particles per frame, over 300 movies and their neighbours.
    options = make_options(particles_per_frame=10, n_frames=1)
    counts = [len(simulate_tracks(options, seed).spots) for seed in range(300)]
    assert np.corrcoef(counts[1:], counts[:-1])[0, 1] == pytest.approx(0, abs=4 / np.sqrt(300))


def test_what_only_changes_the_looks_leaves_the_tracks_as_they_are(make_options):
    looks = {"snr": 7, "background": 50, "psf_sigma": 2, "gain": 0.5, "read_noise": 3, "bleaching": 0.1}
    plain, changed = make_options(), make_options(**looks)
    assert simulate_tracks(plain, 1).spots.equals(simulate_tracks(changed, 1).spots)


def test_positions_are_rounded_so_that_the_last_bits_of_a_machine_do_not_show(make_options):
    positions = simulate_tracks(make_options(), 0).positions()
    assert (np.round(positions, 6) == positions).all()


def test_a_movie_without_particles(make_options):
    tracks = simulate_tracks(make_options(particles_per_frame=1e-9, frame_shape=(3, 9, 9)), 0)
    assert tracks.n_particles == 0
    assert tracks.axes == ("z", "y", "x")


@pytest.mark.parametrize("make", [tracks_generator, lambda seed: frame_generator(seed, 0)])
def test_a_negative_seed_is_refused(make):
    with pytest.raises(TrackingError, match="`seed` must be a whole number from 0, got -1"):
        make(-1)


def test_no_two_uses_of_a_seed_share_a_stream():
    streams = [tracks_generator(5), frame_generator(5, 0), frame_generator(5, 1), frame_generator(6, 0)]
    assert len({rng.random() for rng in streams}) == 4


def test_everything_public_is_there():
    assert all(hasattr(simulation, name) for name in simulation.__all__)
