from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from tracking.dpht.cell import MAX_STEP
from tracking.dpht.context import TrackStatistics, movie_context, spot_density, track_statistics
from tracking.dpht.spots import Spots
from tracking.simulation import (
    BrownianMotion,
    ConfinedMotion,
    DirectedMotion,
    Motion,
    SimulationOptions,
    SwitchingMotion,
    simulate_positions,
)


@dataclass(frozen=True, eq=False)
class Lesson:
    """Spots with the truth about them, for training.

    Attributes:
        spots: What the tracker sees.
        particle: The particle of every spot, -1 for a false detection, shape ``(n,)``; numbered over all movies.
        next_spot: The next spot of the same particle, -1 for none, shape ``(n,)``.
        ahead: From the spot to where its particle is 1 to `MAX_STEP` frames later, shape ``(n, MAX_STEP, 3)``.
        is_ahead: Whether it still lives then, and is in the field, shape ``(n, MAX_STEP)``.
        behind: The same backwards in time.
        is_behind: The same backwards in time.
    """

    spots: Spots
    particle: np.ndarray
    next_spot: np.ndarray
    ahead: np.ndarray
    is_ahead: np.ndarray
    behind: np.ndarray
    is_behind: np.ndarray


@dataclass(frozen=True)
class MovieKind:
    """What a movie's spots depend on beside the particles' motion.

    Attributes:
        motions: Motion models, each of an equal share of the particles.
        survival: Probability that a particle lives on to the next frame.
        density: Particles within one displacement scale of a place; see `spot_density`.
        detected: Mean probability that a particle is detected.
        flicker: Standard deviation of that probability's log-odds from particle to particle.
        false: False detections for every particle.
        error: Standard deviation of a position along each axis, in pixels.
        error_z: How many times larger it is along z.
        astray: Share of the spots whose error along z is several times larger still, as of spots cut off by the
            stack's first or last slice.
        resolution: Particles nearer than this are detected as one, in pixels.
        n_axes: 2 or 3.
    """

    motions: tuple[Motion, ...]
    survival: float
    density: float
    detected: float
    flicker: float
    false: float
    error: float
    error_z: float
    astray: float
    resolution: float
    n_axes: int


def draw_kind(rng: np.random.Generator) -> MovieKind:
    """A kind of movie at random: what the shipped weights are trained on."""
    n_axes = 3 if rng.random() < 0.25 else 2
    motions = tuple(_draw_motion(rng) for _ in range(2 if rng.random() < 0.15 else 1))
    good = rng.random() < 0.6
    return MovieKind(
        motions=motions,
        survival=1 - _log_uniform(0.01, 0.15, rng),
        density=_log_uniform(0.004, 0.6, rng) if n_axes == 2 else _log_uniform(0.0005, 0.3, rng),
        detected=1 - _log_uniform(0.003, 0.12, rng) if good else rng.uniform(0.25, 0.9),
        flicker=0.0 if rng.random() < 0.4 else rng.uniform(0, 1.0),
        false=_log_uniform(0.0005, 0.05, rng) if good else _log_uniform(0.005, 0.6, rng),
        error=_log_uniform(0.05, 0.6, rng),
        error_z=rng.uniform(0.7, 4.0),
        astray=_log_uniform(0.002, 0.04, rng) if n_axes == 3 else 0.0,
        resolution=rng.uniform(1.2, 5.2),
        n_axes=n_axes,
    )


def _draw_motion(rng: np.random.Generator) -> Motion:
    kind = rng.choice(["brownian", "directed", "switching", "confined"], p=[0.3, 0.27, 0.35, 0.08])
    if kind == "brownian":
        return BrownianMotion(step=_about(_log_uniform(0.4, 4.0, rng), rng))
    if kind == "directed":
        velocity = _about(_log_uniform(1.0, 7.0, rng), rng)
        acceleration = _log_uniform(0.03, 0.5, rng) * velocity[0]
        return DirectedMotion(velocity=velocity, acceleration=(acceleration, acceleration))
    if kind == "switching":
        fastest = _log_uniform(1.2, 7.0, rng)
        step = _log_uniform(0.1, 0.5, rng) * fastest
        switch = _log_uniform(0.03, 0.2, rng)
        return SwitchingMotion(
            step=(step * rng.uniform(0.5, 1.0), step),
            speed=(fastest * rng.uniform(0.4, 1.0), fastest),
            switch_probability=(switch * rng.uniform(0.3, 1.0), switch),
            shared_direction=bool(rng.random() < 0.4),
        )
    step = _log_uniform(0.3, 2.5, rng)
    return ConfinedMotion(step=(step, step), radius=(step * rng.uniform(1.0, 3.0),) * 2)


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _about(middle: float, rng: np.random.Generator) -> tuple[float, float]:
    spread = 0.0 if rng.random() < 0.5 else rng.uniform(0, 0.5)
    return middle * (1 - spread), middle * (1 + spread)


def lessons(
    rng: np.random.Generator, *, n_movies: int = 8, n_frames: int = 24, n_particles: float = 32.0
) -> Iterator[Lesson]:
    """An endless stream of spots, never the same twice.

    Args:
        rng: Where the randomness comes from.
        n_movies: Movies of one lesson, each of another kind.
        n_frames: Frames of each.
        n_particles: Mean number of particles in a frame.
    """
    while True:
        movies: list[Lesson] = []
        while len(movies) < n_movies:
            movie = simulate_lesson(draw_kind(rng), n_frames, rng.uniform(0.4, 1.6) * n_particles, rng)
            if movie is not None:
                movies.append(movie)
        yield join_lessons(movies)


def simulate_lesson(kind: MovieKind, n_frames: int, n_particles: float, rng: np.random.Generator) -> Lesson | None:
    """One movie's spots and truth, in units of its displacement scale; None if hardly anything moved."""
    scale = _scale_of(kind, rng)
    shape = _field(kind, n_particles, scale, rng)
    frames: list[np.ndarray] = []
    particles: list[np.ndarray] = []
    positions: list[np.ndarray] = []
    for motion in kind.motions:
        options = SimulationOptions(
            motion=motion,
            particles_per_frame=n_particles / len(kind.motions),
            survival=kind.survival,
            n_frames=n_frames,
            frame_shape=shape[::-1],
        )
        simulated = simulate_positions(options, rng)
        frames.append(simulated.frame)
        particles.append(simulated.particle + (particles[-1].max(initial=-1) + 1 if particles else 0))
        positions.append(simulated.position[:, ::-1])
    frame, particle, position = map(np.concatenate, (frames, particles, positions))
    if len(frame) < 20:
        return None
    truth = np.zeros((len(frame), 3))
    truth[:, : kind.n_axes] = position
    return observe(kind, frame, particle, truth, np.array(shape, np.float64), n_frames, rng)


def observe(
    kind: MovieKind,
    frame: np.ndarray,
    particle: np.ndarray,
    truth: np.ndarray,
    size: np.ndarray,
    n_frames: int,
    rng: np.random.Generator,
) -> Lesson | None:
    """What a detector makes of particles: some missed, some merged, some false, none quite in its place."""
    n = kind.n_axes
    chance = np.log(kind.detected / (1 - kind.detected)) + kind.flicker * rng.standard_normal(particle.max() + 1)
    seen = rng.random(len(frame)) < 1 / (1 + np.exp(-chance[particle]))
    error = np.zeros(3)
    error[:n] = kind.error
    if n == 3:
        error[2] *= kind.error_z
    merged, of = _merged(frame, truth, kind.resolution, seen, rng)
    seen_at = np.flatnonzero(seen)
    spot_frame, spot_particle = frame[seen_at][of], particle[seen_at][of]
    errors = rng.standard_normal((len(of), 3)) * error
    errors[:, 2] *= np.where(rng.random(len(of)) < kind.astray, rng.uniform(3, 8, len(of)), 1.0)
    spot_place = merged + errors
    n_false = rng.poisson(kind.false * len(frame) / n_frames, n_frames)
    false_place = np.zeros((n_false.sum(), 3))
    false_place[:, :n] = rng.uniform(-0.5, size - 0.5, (n_false.sum(), n))
    all_frames = np.concatenate([spot_frame, np.repeat(np.arange(n_frames), n_false)])
    all_particles = np.concatenate([spot_particle, np.full(n_false.sum(), -1)])
    place = np.concatenate([spot_place, false_place])
    order = np.lexsort((rng.random(len(all_frames)), all_frames))
    all_frames, all_particles, place = all_frames[order], all_particles[order], place[order]
    statistics = track_statistics(all_frames, all_particles, place)
    if not np.isfinite(statistics.scale) or statistics.scale <= 0:
        return None
    is_known = rng.random() < 0.75
    # Before anything is known of the tracks, the scale is a guess too.
    unit = statistics.scale * np.exp((0.12 if is_known else 0.35) * rng.standard_normal())
    context = movie_context(
        n,
        spot_density(len(all_frames) / n_frames, float(np.prod(size / unit)), n) * np.exp(0.1 * rng.standard_normal()),
        blurred(statistics, rng) if is_known else None,
    )
    spots = Spots(all_frames, place / unit, np.zeros(len(all_frames), np.int64), context[None])
    ahead, is_ahead = _elsewhere(frame, particle, truth, spots, all_particles, unit, 1)
    behind, is_behind = _elsewhere(frame, particle, truth, spots, all_particles, unit, -1)
    return Lesson(spots, all_particles, _next_spot(all_frames, all_particles), ahead, is_ahead, behind, is_behind)


def blurred(statistics: TrackStatistics, rng: np.random.Generator) -> TrackStatistics:
    """Statistics as if they had been measured on tracks that are not all right."""
    noise = rng.standard_normal(5)
    return replace(
        statistics,
        missed=float(np.clip(statistics.missed * np.exp(0.2 * noise[0]) + 0.01 * abs(noise[0]), 0, 0.9)),
        loose=float(np.clip(statistics.loose + 0.05 * noise[1], 0, 1)),
        ended=float(np.clip(statistics.ended * np.exp(0.25 * noise[2]), 0, 1)),
        directed=float(np.clip(statistics.directed + 0.07 * noise[3], -1, 1)),
        uneven=float(max(statistics.uneven * np.exp(0.15 * noise[4]), 0)),
    )


def join_lessons(movies: list[Lesson]) -> Lesson:
    """Movies side by side, as one."""
    frame = np.concatenate([one.spots.frame for one in movies])
    movie = np.repeat(np.arange(len(movies)), [len(one.particle) for one in movies])
    order = np.lexsort((movie, frame))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first_spot = np.cumsum([0] + [len(one.particle) for one in movies[:-1]])
    first_particle = np.cumsum([0] + [int(one.particle.max(initial=-1)) + 1 for one in movies[:-1]])
    after, particle = [], []
    for one, spot, number in zip(movies, first_spot, first_particle, strict=True):
        after.append(np.where(one.next_spot >= 0, place[one.next_spot + spot], -1))
        particle.append(np.where(one.particle >= 0, one.particle + number, -1))
    spots = Spots(
        frame[order],
        np.concatenate([one.spots.position for one in movies])[order],
        movie[order],
        np.concatenate([one.spots.context for one in movies]),
    )
    rest = [
        np.concatenate([getattr(one, name) for one in movies])[order]
        for name in ("ahead", "is_ahead", "behind", "is_behind")
    ]
    return Lesson(spots, np.concatenate(particle)[order], np.concatenate(after)[order], *rest)


def _scale_of(kind: MovieKind, rng: np.random.Generator) -> float:
    """Root mean square displacement of its motion models, in pixels."""
    squares = []
    for motion in kind.motions:
        options = SimulationOptions(
            motion=motion, particles_per_frame=60, n_frames=4, survival=1, frame_shape=(4000, 4000)
        )
        one = simulate_positions(options, rng)
        order = np.lexsort((one.frame, one.particle))
        same = np.diff(one.particle[order]) == 0
        squares.append((np.diff(one.position[order], axis=0)[same] ** 2).sum(axis=1).mean() * kind.n_axes / 2)
    return float(np.sqrt(np.mean(squares)))


def _field(kind: MovieKind, n_particles: float, scale: float, rng: np.random.Generator) -> tuple[int, ...]:
    """Size in pixels, (x, y) or (x, y, z), that gives the density, but at which less than a quarter is merged."""
    per_volume = spot_density(n_particles, 1.0, kind.n_axes)
    volume = max(per_volume / kind.density * scale**kind.n_axes, 4 * per_volume * kind.resolution**kind.n_axes)
    volume = min(volume, float(2**25))
    thin = rng.uniform(0.05, 1.0) if kind.n_axes == 3 else 1.0
    side = (volume / thin) ** (1 / kind.n_axes)
    return tuple(max(round(length), 2) for length in (side, side, side * thin)[: kind.n_axes])


def _merged(
    frame: np.ndarray, truth: np.ndarray, resolution: float, seen: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places of what is seen, and which of the seen particles each is taken for."""
    at = np.flatnonzero(seen)
    points = np.hstack([truth[at], 1e4 * frame[at][:, None]])
    pairs = cKDTree(points).query_pairs(resolution, output_type="ndarray") if len(at) else np.empty((0, 2), np.int64)
    # Two particles at the limit are told apart or not by chance.
    distance = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[distance < resolution * rng.uniform(0.75, 1.0, len(pairs))]
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(at), len(at)))
    _, cluster = connected_components(graph, directed=False)
    weight = rng.uniform(0.7, 1.3, len(at))
    total = np.bincount(cluster, weight)
    place = np.stack([np.bincount(cluster, weight * truth[at, axis]) / total for axis in range(3)], axis=1)
    _, which = np.unique(cluster, return_index=True)
    return place, which


def _next_spot(frame: np.ndarray, particle: np.ndarray) -> np.ndarray:
    after = np.full(len(frame), -1)
    order = np.lexsort((frame, particle))
    order = order[particle[order] >= 0]
    same = np.diff(particle[order]) == 0
    after[order[:-1][same]] = order[1:][same]
    return after


def _elsewhere(
    frame: np.ndarray,
    particle: np.ndarray,
    truth: np.ndarray,
    spots: Spots,
    of: np.ndarray,
    unit: float,
    direction: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Where each spot's particle is 1 to `MAX_STEP` frames on, from the spot, and whether it is anywhere then."""
    longest = int(frame.max()) + 1
    key = particle * longest + frame
    order = np.argsort(key)
    ordered = key[order]
    away, is_there = np.zeros((len(of), MAX_STEP, 3), np.float32), np.zeros((len(of), MAX_STEP), bool)
    for step in range(1, MAX_STEP + 1):
        at = spots.frame + direction * step
        wanted = of * longest + at
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        there = (of >= 0) & (at >= 0) & (at < longest) & (ordered[place] == wanted)
        away[there, step - 1] = truth[order[place[there]]] / unit - spots.position[there]
        is_there[:, step - 1] = there
    return away, is_there
