import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.simulation import (
    BrownianMotion,
    ConfinedMotion,
    DirectedMotion,
    SimulationOptions,
    SwitchingMotion,
    scenario_options,
    simulate_positions,
)

motions = st.sampled_from(
    [BrownianMotion(step=(0, 30)), DirectedMotion(velocity=(1, 9)), SwitchingMotion(), ConfinedMotion()]
)
shapes = st.lists(st.integers(1, 20), min_size=2, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(motions, shapes, st.floats(0.1, 20), st.floats(0.1, 1), st.integers(1, 12), st.integers(0, 99))
def test_every_particle_is_in_the_field_without_a_gap(motion, shape, density, survival, n_frames, seed):
    options = SimulationOptions(
        motion=motion, frame_shape=shape, particles_per_frame=density, survival=survival, n_frames=n_frames, z_spacing=3
    )
    simulated = simulate_positions(options, np.random.default_rng(seed))
    n = len(simulated.frame)
    assert simulated.position.shape == (n, len(shape))
    assert (simulated.position >= -0.5).all()
    assert (simulated.position <= np.array(shape) - 0.5).all()
    assert ((simulated.frame >= 0) & (simulated.frame < n_frames)).all()
    assert (simulated.directed is not None) == isinstance(motion, SwitchingMotion)
    # Numbers from 0 without a hole, in the order of first frames; frames of a number in one stretch.
    assert np.unique(simulated.particle).tolist() == list(range(simulated.particle.max() + 1 if n else 0))
    first = [simulated.frame[simulated.particle == number].min() for number in range(len(set(simulated.particle)))]
    assert first == sorted(first)
    for number in range(len(first)):
        frames = np.sort(simulated.frame[simulated.particle == number])
        assert (np.diff(frames) == 1).all()


def test_one_that_leaves_ends_and_another_enters_opposite():
    # One immortal particle that flies straight through a field of 10 x 1000 pixels.
    options = SimulationOptions(
        motion=DirectedMotion(velocity=2.0, acceleration=0.0),
        particles_per_frame=1,
        survival=1,
        frame_shape=(10, 1000),
        n_frames=60,
    )
    seed = next(s for s in range(99) if len(simulate_positions(options, np.random.default_rng(s)).frame) == 60)
    simulated = simulate_positions(options, np.random.default_rng(seed))
    order = np.argsort(simulated.frame)
    particle, y = simulated.particle[order], simulated.position[order, 0]
    assert simulated.frame[order].tolist() == list(range(60))
    step = np.median(np.diff(y))
    crossings = np.flatnonzero(np.abs(np.diff(y) - step) > 1e-5)
    assert len(crossings) > 1
    assert np.diff(y)[crossings] == pytest.approx(step - np.sign(step) * 10, abs=1e-5)
    assert set(np.flatnonzero(np.diff(particle))) >= set(crossings)


def test_the_expected_number_of_particles_is_the_same_from_the_first_frame_to_the_last():
    options = scenario_options("receptor", density=300, overrides={"frame_shape": (64, 64)})
    counts = np.array(
        [
            np.bincount(simulate_positions(options, np.random.default_rng(seed)).frame, minlength=100)
            for seed in range(60)
        ]
    )
    # Frames are correlated (0.936 a frame): ten frames of 60 movies are worth some 80 counts of variance 300.
    assert counts[:, :10].mean() == pytest.approx(300, abs=8)
    assert counts[:, -10:].mean() == pytest.approx(300, abs=8)
    assert counts.mean() == pytest.approx(300, abs=3)
    assert counts[:, 0].var() == pytest.approx(300, rel=0.75)


@pytest.mark.parametrize("motion", [BrownianMotion(step=3), DirectedMotion(), SwitchingMotion(shared_direction=True)])
@pytest.mark.parametrize("frames", [slice(0, 1), slice(40, 41)])
def test_the_density_is_the_same_all_over_the_field(motion, frames):
    options = SimulationOptions(
        motion=motion, particles_per_frame=40_000, frame_shape=(5, 40, 80), z_spacing=4, n_frames=frames.stop
    )
    simulated = simulate_positions(options, np.random.default_rng(5))
    position = simulated.position[simulated.frame == frames.start]
    # Boxes of 1 x 8 x 8: 250, of 160 particles each; chi squared with 250 degrees of freedom.
    box = np.floor((position + 0.5) / [1, 8, 8]).astype(int)
    counts = np.bincount(np.ravel_multi_index(box.T, (5, 5, 10), mode="clip"), minlength=250)
    assert ((counts - 160) ** 2 / 160).sum() < 250 + 4 * np.sqrt(2 * 250)
    # Nor does the border differ from the rest: the outermost half pixels at both sides of x hold 250 each, to 16.
    x = position[:, 2]
    assert np.count_nonzero(x < 0) == pytest.approx(250, abs=70)
    assert np.count_nonzero(x >= 79) == pytest.approx(250, abs=70)


def test_tracks_that_leave_are_replaced_at_the_rate_of_the_flux():
    # Nobody dies: numbers end at the border alone. Along each axis E|step| / size leave: 2 * 2 sqrt(2 / pi) / 50.
    options = SimulationOptions(
        motion=BrownianMotion(step=2), particles_per_frame=20_000, survival=1, frame_shape=(50, 50), n_frames=30
    )
    simulated = simulate_positions(options, np.random.default_rng(0))
    n_per_frame = np.bincount(simulated.frame)
    assert (n_per_frame == n_per_frame[0]).all()
    ends = simulated.particle.max() + 1 - n_per_frame[0]
    # One that has just left often comes back, so that crossings come in clusters: measured, a scatter of 1 percent.
    leaving = 1 - (1 - 2 * np.sqrt(2 / np.pi) / 50) ** 2
    assert ends / (29 * n_per_frame[0]) == pytest.approx(leaving, rel=0.04)


def test_z_is_in_slices():
    options = SimulationOptions(
        motion=BrownianMotion(step=2.0),
        particles_per_frame=5000,
        survival=1,
        frame_shape=(100, 100, 100),
        z_spacing=4.0,
        n_frames=2,
    )
    simulated = simulate_positions(options, np.random.default_rng(0))
    order = np.lexsort((simulated.frame, simulated.particle))
    particle, position = simulated.particle[order], simulated.position[order]
    steps = np.diff(position, axis=0)[np.diff(particle) == 0]
    assert steps.std(axis=0) == pytest.approx([0.5, 2.0, 2.0], rel=0.04)


@pytest.mark.parametrize(
    ("scenario", "survival", "tolerance"),
    [("vesicle", 0.95, 0.005), ("receptor", 0.93, 0.005), ("microtubule", 0.91, 0.005), ("virus", 0.94, 0.01)],
)
def test_particles_disappear_at_the_published_rate_by_death_and_over_the_border(scenario, survival, tolerance):
    # The share of viruses that leave depends on how far their shared direction leans to z: many movies.
    seen = []
    for seed in range(16 if scenario == "virus" else 4):
        simulated = simulate_positions(scenario_options(scenario), np.random.default_rng(seed))
        last = np.zeros(simulated.particle.max() + 1, int)
        np.maximum.at(last, simulated.particle, simulated.frame)
        before_end = simulated.frame < 99
        seen.append((simulated.frame < last[simulated.particle])[before_end].mean())
    assert np.mean(seen) == pytest.approx(survival, abs=tolerance)
