import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from tracking.calibration.estimate import Estimate
from tracking.calibration.like_kind import like_kind
from tracking.dpht.learn import losses
from tracking.dpht.learning_step import LearningStep
from tracking.dpht.network import TrackNetwork
from tracking.dpht.stream import Lesson, draw_kind, join_lessons, simulate_lesson

# Movies of a lesson, every fourth of them of any kind so that nothing is forgotten; their frames and particles.
N_MOVIES, ANY_KIND, N_FRAMES, N_PARTICLES = 8, 2, 20, 30.0
# The option is in minutes, but what is done must not depend on the clock: so many steps are a minute's, of which a core
# of an ordinary computer does some more.
STEPS_PER_MINUTE = 60
# Where this many times the minutes are spent on the processor, it is too slow, and training ends all the same.
PATIENCE = 5.0
LEARNING_RATE, WARM_UP, LONGEST_GRADIENT = 8e-4, 10, 1.0
# Lessons to validate on, how often that is done in all, and how often in a row it may be in vain.
VALIDATED, VALIDATIONS, IN_VAIN = 3, 12, 4


@dataclass(frozen=True, eq=False)
class FineTuning:
    """A network after training on lessons like a movie.

    Attributes:
        network: With the weights that were best in validation.
        n_steps: Training steps that were done.
        n_planned: That the minutes stand for.
        loss_before: On the lessons of validation, in nats.
        loss_after: The same with the new weights.
        ended_by_clock: Whether the machine was so slow that training ended before its time.
    """

    network: TrackNetwork
    n_steps: int
    n_planned: int
    loss_before: float
    loss_after: float
    ended_by_clock: bool


def fine_tune(
    network: TrackNetwork,
    estimate: Estimate,
    n_axes: int,
    *,
    minutes: float,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> FineTuning:
    """Train a network on an endless stream of simulated lessons like a movie.

    Three quarters of the lessons are drawn around the estimate, one quarter is of any kind. Lessons that training
    never sees tell when to stop, and which weights were best.

    Args:
        network: To begin with; it stays as it is.
        estimate: Of the movie.
        n_axes: 2 or 3.
        minutes: How long to train: 60 steps a minute, whatever the machine.
        seed: Of all random numbers.
        progress: Called with the number of steps done and of all.
    """
    tuned = copy.deepcopy(network)
    n_planned = max(round(minutes * STEPS_PER_MINUTE), 1)
    stream = _lessons(estimate, n_axes, np.random.default_rng([seed, 21]))
    held_out = _lessons(estimate, n_axes, np.random.default_rng([seed, 22]), any_kind=0)
    validation = [next(held_out) for _ in range(VALIDATED)]
    search = LearningStep(seed)
    optimizer = torch.optim.AdamW(tuned.parameters(), LEARNING_RATE, weight_decay=1e-4)
    before = best = _validated(tuned, validation)
    weights = copy.deepcopy(tuned.state_dict())
    every = max(n_planned // VALIDATIONS, 5)
    in_vain, done, ended_by_clock = 0, 0, False
    end = time.process_time() + PATIENCE * 60 * minutes + 60
    for step in range(n_planned):
        rate = min((step + 1) / WARM_UP, 0.5 * (1 + np.cos(np.pi * step / n_planned)) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        depth, width = search.search(step)
        tuned.train()
        loss = losses(tuned, next(stream), depth=depth, width=width).total()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if torch.isfinite(clip_grad_norm_(tuned.parameters(), LONGEST_GRADIENT)):
            optimizer.step()
        done = step + 1
        if progress:
            progress(done, n_planned)
        ended_by_clock = time.process_time() > end
        if done % every == 0 or done == n_planned or ended_by_clock:
            now = _validated(tuned, validation)
            in_vain = 0 if now < best else in_vain + 1
            if now < best:
                best, weights = now, copy.deepcopy(tuned.state_dict())
            if in_vain >= IN_VAIN or ended_by_clock:
                break
    tuned.load_state_dict(weights)
    return FineTuning(tuned.eval(), done, n_planned, before, best, ended_by_clock and done < n_planned)


def _lessons(estimate: Estimate, n_axes: int, rng: np.random.Generator, any_kind: int = ANY_KIND) -> Iterator[Lesson]:
    while True:
        movies: list[Lesson] = []
        while len(movies) < N_MOVIES:
            kind = draw_kind(rng) if len(movies) < any_kind else like_kind(estimate, n_axes, rng)
            movie = simulate_lesson(kind, N_FRAMES, rng.uniform(0.5, 1.5) * N_PARTICLES, rng)
            if movie is not None:
                movies.append(movie)
        yield join_lessons(movies)


def _validated(network: TrackNetwork, lessons: list[Lesson]) -> float:
    network.eval()
    with torch.inference_mode():
        return float(np.mean([float(losses(network, lesson, depth=3, width=1).total()) for lesson in lessons]))
