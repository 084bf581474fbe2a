"""How well splits and merges are found, and how often they are what their probability says.

``python tests/benchmarks/branching.py`` simulates populations in which particles divide and the daughters part in
opposite directions, tracks them forwards (splits) and backwards (merges), and prints markdown. Spots are points with
errors; some are missed and some are false. Nothing was trained on movies of this kind.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reliability import reliability_curve

SHIPPED = Path(__file__).resolve().parents[2] / "bundles" / "particle_tracker" / "models" / "model.pt"
PARTICLES, SIDE, FRAMES = 100, 300.0, 60
DEATH, MISSED, FALSE, ERROR = 0.05, 0.05, 0.05, 0.3
# Pixels per frame: of straight motion and of its noise, of diffusion per axis, and by which daughters jump apart.
SPEED, UNREST, STEP, APART = 3.0, 0.5, 1.5, 3.0


@dataclass
class Population:
    """Spots by frame, the particle of each (-1 if it is false), and the mother of every daughter."""

    frame: np.ndarray
    position: np.ndarray
    particle: np.ndarray
    mother: dict[int, int]

    def backwards(self) -> "Population":
        return Population((self.frame.max() - self.frame)[::-1], self.position[::-1], self.particle[::-1], self.mother)

    def events(self) -> tuple[int, int]:
        """How many divisions there are, and in how many all four spots around them were seen."""
        frames: dict[int, set[int]] = {}
        for particle, frame in zip(self.particle.tolist(), self.frame.tolist(), strict=True):
            frames.setdefault(particle, set()).add(frame)
        daughters: dict[int, list[int]] = {}
        for daughter, mother in self.mother.items():
            daughters.setdefault(mother, []).append(daughter)
        seen = 0
        for mother, pair in daughters.items():
            if all(len(frames.get(one, ())) > 1 for one in (mother, *pair)):
                seen += all(max(frames[mother]) + 1 in frames[one] for one in pair)
        return len(daughters), seen

    def is_true(self, links: np.ndarray) -> np.ndarray:
        """Whether links lead from a mother to her daughter, or back."""
        pairs = [sorted(pair) for pair in self.particle[links].tolist()]
        return np.array([one >= 0 and self.mother.get(other) == one for one, other in pairs], bool)


def divide(motion: str, rate: float, seed: int) -> Population:
    rng = np.random.default_rng(seed)

    def directions(n: int) -> np.ndarray:
        angle = rng.uniform(0, 2 * np.pi, n)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    straight = motion == "directed"
    number = np.arange(PARTICLES)
    position = rng.uniform(0, SIDE, (PARTICLES, 2))
    velocity = directions(PARTICLES) * SPEED * straight
    mother: dict[int, int] = {}
    frames, places, particles, n_made = [], [], [], PARTICLES
    for frame in range(FRAMES):
        frames.append(np.full(len(number), frame))
        places.append(position)
        particles.append(number)
        alive = rng.random(len(number)) >= DEATH
        divides = alive & (rng.random(len(number)) < rate)
        stays = alive & ~divides
        way, n_pairs = directions(int(divides.sum())), int(divides.sum())
        daughters = n_made + np.arange(2 * n_pairs)
        mother |= dict(zip(daughters.tolist(), np.repeat(number[divides], 2).tolist(), strict=True))
        parting = np.stack([way, -way], axis=1).reshape(-1, 2)
        n_born = rng.poisson(PARTICLES * max(DEATH - rate, 0))
        born = n_made + 2 * n_pairs + np.arange(n_born)
        n_made += 2 * n_pairs + n_born
        jump = np.concatenate([np.zeros((int(stays.sum()), 2)), parting * APART * (not straight)])
        velocity = np.concatenate([velocity[stays], parting * SPEED * straight])
        moved = np.concatenate([position[stays], np.repeat(position[divides], 2, axis=0)]) + velocity + jump
        moved += rng.normal(0, UNREST if straight else STEP, moved.shape)
        number = np.concatenate([number[stays], daughters, born])
        position = np.concatenate([moved, rng.uniform(0, SIDE, (n_born, 2))])
        velocity = np.concatenate([velocity, directions(n_born) * SPEED * straight])
        inside = ((position > 0) & (position < SIDE)).all(axis=1)
        number, position, velocity = number[inside], position[inside], velocity[inside]
    n_false = rng.poisson(FALSE * PARTICLES, FRAMES)
    frame = np.concatenate([*frames, np.repeat(np.arange(FRAMES), n_false)])
    place = np.concatenate([*places, rng.uniform(0, SIDE, (int(n_false.sum()), 2))])
    particle = np.concatenate([*particles, np.full(int(n_false.sum()), -1)])
    seen = np.flatnonzero((rng.random(len(frame)) >= MISSED) | (particle < 0))
    order = seen[np.argsort(frame[seen], kind="stable")]
    return Population(frame[order], place[order] + rng.normal(0, ERROR, (len(order), 2)), particle[order], mother)


def main(arguments: Sequence[str] | None = None) -> None:
    import torch

    from tracking.dpht.link_recurrent import link_recurrent
    from tracking.dpht.weights import load_weights
    from tracking.linking import estimate_search_radius

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0, 0.005, 0.02], help="of division, per frame")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = load_weights(options.weights)
    print("| motion | rate | what | events | seen | claimed | precision | recall of seen | other kind | ECE (n) |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for motion in ("directed", "Brownian"):
        for rate in options.rates:
            for what in ("splits", "merges"):
                events, said, was, others = np.zeros(2, int), [], [], 0
                for seed in options.seeds:
                    made = divide(motion, rate, seed)
                    events += made.events()
                    made = made if what == "splits" else made.backwards()
                    scale = estimate_search_radius(made.frame, made.position) / 2.5
                    found = link_recurrent(
                        made.frame, made.position, network, scale=scale, splitting=True, merging=True
                    )
                    is_split = found.source[found.branches[:, 1]] < 0
                    asked = is_split == (what == "splits")
                    said.append(found.branch_probability[asked])
                    was.append(made.is_true(found.branches[asked]))
                    others += int((found.branch_probability[~asked] >= 0.5).sum())
                print(_row(motion, rate, what, events, np.concatenate(said), np.concatenate(was), others), flush=True)


def _row(
    motion: str, rate: float, what: str, events: np.ndarray, said: np.ndarray, was: np.ndarray, others: int
) -> str:
    claimed = said >= 0.5
    right = int(was[claimed].sum())
    error = reliability_curve(said, was, n_bins=10, equal_mass=False).error
    figures = [
        f"{right / claimed.sum():.2f}" if claimed.any() else "-",
        f"{right / events[1]:.2f}" if events[1] else "-",
        str(others),
        f"{error:.2f} ({len(said)})" if len(said) else "-",
    ]
    return f"| {motion} | {rate:g} | {what} | {events[0]} | {events[1]} | {claimed.sum()} | {' | '.join(figures)} |"


if __name__ == "__main__":
    main()
