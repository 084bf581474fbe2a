"""Draw what the recurrent tracker weighs at one spot of a simulated movie: its past, its candidates, and their futures.

python examples/tracker_hypotheses.py hypotheses.png
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from scipy.spatial import cKDTree

from medseg.bundle import find_bundle
from tracking.detection import DetectionOptions, prepare_detector
from tracking.dpht.ahead import Ahead
from tracking.dpht.follow import Followed, follow
from tracking.dpht.link_recurrent import WIDER, link_recurrent
from tracking.dpht.spots import Spots
from tracking.dpht.weights import load_weights
from tracking.linking import estimate_search_radius
from tracking.simulation import simulate
from tracking.tracks import Tracks

# Three hypotheses of every spot, more than by default: there is more to see.
DEPTH, WIDTH = 3, 3
PAST, CHOSEN, OTHER = "#0072b2", "#009e73", "#d55e00"
# Probability of the link that is shown, about.
SURE = 0.65


def main(path: Path) -> None:
    movie = simulate(
        "microtubule", density="high", snr=4, seed=11, overrides={"n_frames": 30, "frame_shape": (300, 300)}
    )
    detector = prepare_detector([movie.frame(number) for number in range(0, 30, 3)], DetectionOptions(device="cpu"))
    found = [detector.detect(frame)[["y", "x"]].to_numpy() for frame in movie]
    frames = np.repeat(np.arange(len(found)), [len(one) for one in found])
    positions = np.concatenate(found)
    network = load_weights(find_bundle("particle_tracker") / "models" / "model.pt")
    scale = estimate_search_radius(frames, positions)
    links = link_recurrent(frames, positions, network, scale=scale, depth=DEPTH, width=WIDTH)
    place = np.hstack([positions / links.scale, np.zeros((len(positions), 1))])
    spots = Spots(frames, place, np.zeros(len(frames), np.int64), links.context[None])
    with torch.inference_mode():
        ahead = Ahead(spots, network, DEPTH, WIDTH)
        followed = list(follow(spots, network, ahead, range(len(found)), depth=DEPTH, window=DEPTH))
    frame, spot = _telling(spots, followed, links.source, _true_particles(movie.truth, frames, positions))
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_situation(left, positions, frames, links.source, spot, frame)
    _draw_hypotheses(right, positions, spots, ahead, followed, links.source, links.scale, spot, frame)
    for axes in (left, right):
        centre = positions[spot]
        axes.set(xlim=(centre[1] - 20, centre[1] + 20), ylim=(centre[0] + 20, centre[0] - 20), aspect="equal")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.savefig(path, dpi=130, bbox_inches="tight")


def _true_particles(truth: Tracks, frames: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The particle nearest to each spot in its frame."""
    places = truth.spots[["frame", "y", "x"]].to_numpy(float)
    # No spot is as far from its particle as from another frame.
    far = np.array([1e4, 1.0, 1.0])
    _, nearest = cKDTree(places * far).query(np.column_stack([frames, positions]) * far)
    return truth.spots["particle"].to_numpy()[nearest]


def _telling(spots: Spots, followed: list[Followed], source: np.ndarray, particle: np.ndarray) -> tuple[int, int]:
    """A spot whose track goes on, rightly, to another one than the nearest, with several to choose from; its frame."""
    best = (-np.inf, 0, 0)
    after = np.full(len(source), -1)
    linked = np.flatnonzero(source >= 0)
    after[source[linked]] = linked
    for frame in range(8, 22):
        here = followed[frame].spots
        next_one = followed[frame + 1]
        for spot in range(here.start, here.stop):
            own = next_one.row == spot
            in_next = own & (next_one.column < next_one.spots.stop)
            if in_next.sum() < 3 or after[spot] < 0 or spots.frame[after[spot]] != frame + 1:
                continue
            distance = np.linalg.norm(spots.position[next_one.column[in_next]] - spots.position[spot], axis=1)
            nearest = next_one.column[in_next][np.argmin(distance)]
            past = _past(source, spot)
            probability = next_one.log_probability.exp().numpy()[in_next & (next_one.column == after[spot])]
            is_right = len(set(particle[[*past[:5], after[spot]]].tolist())) == 1
            if nearest == after[spot] or len(past) < 5 or not len(probability) or not is_right:
                continue
            # Far from sure.
            score = -abs(float(probability[0]) - SURE) + 0.02 * min(int(in_next.sum()), 5)
            best = max(best, (score, frame, spot))
    return best[1], best[2]


def _past(source: np.ndarray, spot: int) -> list[int]:
    chain = [spot]
    while source[chain[-1]] >= 0:
        chain.append(int(source[chain[-1]]))
    return chain


def _draw_situation(
    axes: Axes, positions: np.ndarray, frames: np.ndarray, source: np.ndarray, spot: int, frame: int
) -> None:
    chain = positions[_past(source, spot)[:7]]
    axes.plot(chain[:, 1], chain[:, 0], "o-", color=PAST, markersize=4, label="its past")
    for step, (size, colour) in enumerate(((46, "#444444"), (26, "#8c8c8c"), (14, "#c0c0c0")), start=1):
        now = positions[frames == frame + step]
        axes.scatter(now[:, 1], now[:, 0], s=size, color=colour, label=f"spots {step} frame{'s' * (step > 1)} later")
    axes.scatter(*positions[spot][::-1], s=90, facecolors="none", edgecolors=PAST, linewidths=2)
    axes.set_title("Where does this particle go on?")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)


def _draw_hypotheses(
    axes: Axes,
    positions: np.ndarray,
    spots: Spots,
    ahead: Ahead,
    followed: list[Followed],
    source: np.ndarray,
    scale: float,
    spot: int,
    frame: int,
) -> None:
    chain = positions[_past(source, spot)[:7]]
    axes.plot(chain[:, 1], chain[:, 0], "o-", color=PAST, markersize=4)
    here, after = followed[frame], followed[frame + 1]
    mean = here.states.mean[spot - here.spots.start, 0].numpy()[:2] * scale
    row = torch.tensor([spot - here.spots.start])
    covariance = here.states.expected(row, torch.tensor([1]), torch.tensor([2.0])).covariance()[0, :2, :2].numpy()
    values, vectors = np.linalg.eigh(WIDER * covariance * scale**2)
    angle = np.degrees(np.arctan2(vectors[0, 1], vectors[1, 1]))
    width, height = 2 * np.sqrt(5.991 * values[::-1])
    region = Ellipse((positions[spot] + mean)[::-1], width, height, angle=angle, color=PAST, alpha=0.15)
    axes.add_patch(region)
    probability = after.log_probability.exp().numpy()
    for number in np.flatnonzero(after.row == spot):
        column, chance = int(after.column[number]), float(probability[number])
        if spots.frame[column] != frame + 1:
            continue
        colour = CHOSEN if source[column] == spot else OTHER
        _line(axes, positions[spot], positions[column], colour, max(chance, 0.25), 2.0)
        y, x = positions[column]
        axes.annotate(f"{chance:.2f}", (x + 1, y - 1), color=colour)
        _draw_future(axes, positions, spots, ahead, column, colour, max(chance, 0.4), 2)
    none = 1 - probability[(after.row == spot) & (spots.frame[after.column] == frame + 1)].sum()
    axes.plot([], [], color=CHOSEN, label="candidate chosen, its futures behind it")
    axes.plot([], [], color=OTHER, label="other candidates")
    axes.add_patch(Ellipse((0, 0), 0, 0, color=PAST, alpha=0.15, label="expected here (95 percent)"))
    axes.set_title(f"What the tracker weighs (missing or gone: {max(none, 0):.2f})")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2)


def _draw_future(
    axes: Axes, positions: np.ndarray, spots: Spots, ahead: Ahead, spot: int, colour: str, weight: float, left: int
) -> None:
    future = ahead[int(spots.frame[spot])]
    for number in np.flatnonzero(future.source == spot):
        chance = weight * float(future.log_probability[number].exp())
        if chance < 0.03:
            continue
        target = int(future.target[number])
        _line(axes, positions[spot], positions[target], colour, chance, 1.2)
        if left > 1:
            _draw_future(axes, positions, spots, ahead, target, colour, chance, left - 1)


def _line(axes: Axes, start: np.ndarray, end: np.ndarray, colour: str, alpha: float, width: float) -> None:
    axes.plot([start[1], end[1]], [start[0], end[0]], "-", color=colour, alpha=min(alpha, 1.0), linewidth=width)
    axes.plot(end[1], end[0], "o", color=colour, alpha=min(alpha, 1.0), markersize=4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
