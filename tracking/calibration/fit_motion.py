from dataclasses import dataclass

import numpy as np

from tracking.calibration.motion_family import FAMILIES, MotionFamily, simulated_steps
from tracking.calibration.motion_features import motion_features
from tracking.simulation.motion import Motion

# Candidates drawn from all that is possible, generations in which the best are varied, and how many are tried in each:
# of a first fit, and of one that goes on from another.
FIRST, GENERATIONS, TRIED = 900, 4, 200
FRESH, FURTHER, RETRIED = 200, 3, 120
# Candidates kept of each family, so that none is lost to another that is as good, and of all.
KEPT, MOST = 8, 80
# Particles by which a candidate is judged at first and later, and spots of each.
FEW_RUNS, N_RUNS, N_SPOTS = 100, 320, 18
# What a parameter costs that gains nothing, in the unit of twice a log-likelihood.
COST = 2.0
# Candidates that differ by more than this from the best explain the movie no longer.
FARTHEST = 12.0


@dataclass(frozen=True, eq=False)
class MotionFit:
    """Motion that explains a movie, and what else might.

    Attributes:
        families: Of the candidates, best first.
        places: Parameters of each, as `MotionFamily.motions` takes them.
        loss: Squared distance between a candidate's features and the movie's, in standard errors, with the cost of its
            parameters, shape ``(k,)``.
        unit: Root mean square step along an axis, in pixels.
        n_features: Features that could be told.
    """

    families: tuple[MotionFamily, ...]
    places: tuple[np.ndarray, ...]
    loss: np.ndarray
    unit: float
    n_features: int

    @property
    def best(self) -> tuple[Motion, ...]:
        """Motion models of equal shares of the particles that explain the movie best."""
        return self.families[0].motions(self.places[0], self.unit)

    @property
    def weights(self) -> np.ndarray:
        """How much each candidate is believed, sum 1, shape ``(k,)``.

        A family is believed as its best candidate is, however many others of it were kept. Where even the best is
        farther off than its features are uncertain, no model is right, and differences between them count less.
        """
        excess = max(1.0, float(self.loss[0]) / max(self.n_features, 1))
        weight = np.exp(-0.5 * (self.loss - self.loss[0]) / excess)
        for family in set(self.families):
            own = np.array([one == family for one in self.families])
            weight[own] *= weight[own].max() / weight[own].sum()
        return np.asarray(weight / weight.sum())

    def draw(self, rng: np.random.Generator) -> tuple[Motion, ...]:
        """Motion models at random, each candidate as often as it is believed."""
        one = int(rng.choice(len(self.weights), p=self.weights))
        return self.families[one].motions(self.places[one], self.unit)

    def shares(self) -> dict[str, float]:
        """How much each set of motion models is believed, whatever the parameters and the particles' shares."""
        found: dict[str, float] = {}
        for family, weight in zip(self.families, self.weights, strict=True):
            name = " + ".join(sorted(family.kinds))
            found[name] = found.get(name, 0.0) + float(weight)
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def fit_motion(
    target: np.ndarray,
    covariance: np.ndarray,
    error: np.ndarray,
    unit: float,
    seed: int,
    start: MotionFit | None = None,
) -> MotionFit:
    """Motion models whose simulated tracks have the features of a movie's.

    Candidates of all families are drawn, judged by simulation, and the best varied, generation after generation: that
    finds its way among families, needs no derivatives and ends with all that explains the movie about equally well.

    Args:
        target: Features that the tracks of the movie would have if all links were right, NaN where not known, shape
            ``(N_FEATURES,)``.
        covariance: Of their errors.
        error: Standard deviation of the positions along every axis, in pixels, shape ``(d,)``.
        unit: Root mean square step of the movie along an axis, in pixels; features are of lengths in this unit.
        seed: Of all random numbers.
        start: Of an earlier fit, which this one goes on from.

    Source: Population Monte Carlo after Beaumont et al. 2009, doi:10.1093/biomet/asp052.
    """
    rng = np.random.default_rng([seed, 7])
    judge = _Judge(target, covariance, error, unit, seed)
    n_first, generations, n_tried = (FIRST, GENERATIONS, TRIED) if start is None else (FRESH, FURTHER, RETRIED)
    families = [family for family in FAMILIES for _ in range(-(-n_first // len(FAMILIES)))]
    places = [rng.random(len(family.bounds)) for family in families]
    families, places, _ = _best(families, places, judge.losses(families, places, FEW_RUNS))
    if start is not None:
        families, places = [*families, *start.families], [*places, *start.places]
    loss = judge.losses(families, places, N_RUNS)
    for generation in range(generations):
        families, places, loss = _best(families, places, loss)
        parents = _parents(families, loss, n_tried, 1 + generation / 2, rng)
        tried = [families[one] for one in parents]
        varied = [_varied(places[one], 0.12 * 0.65**generation, rng) for one in parents]
        loss = np.concatenate([loss, judge.losses(tried, varied, N_RUNS)])
        families, places = families + tried, places + varied
    families, places, loss = _best(families, places, loss)
    excess = max(1.0, float(loss[0]) / max(judge.n_features, 1))
    near = loss <= loss[0] + FARTHEST * excess
    n = int(near.sum())
    return MotionFit(tuple(families[:n]), tuple(places[:n]), loss[:n], unit, judge.n_features)


class _Judge:
    def __init__(self, target: np.ndarray, covariance: np.ndarray, error: np.ndarray, unit: float, seed: int) -> None:
        self.known = np.flatnonzero(np.isfinite(target))
        self.target, self.error, self.unit, self.seed = target[self.known], error, unit, seed
        self.inverse = np.linalg.pinv(covariance[np.ix_(self.known, self.known)], hermitian=True)
        self.n_features = len(self.known)

    def losses(self, families: list[MotionFamily], places: list[np.ndarray], n_runs: int) -> np.ndarray:
        return np.array([self._loss(*one, n_runs) for one in zip(families, places, strict=True)])

    def _loss(self, family: MotionFamily, place: np.ndarray, n_runs: int) -> float:
        # The same random numbers for all, so that neighbours differ by their parameters alone.
        rng = np.random.default_rng([self.seed, 11])
        steps = simulated_steps(family.motions(place, self.unit), self.error, n_runs, N_SPOTS, rng)
        off = motion_features(steps, self.unit)[self.known] - self.target
        if not np.isfinite(off).all():
            return np.inf
        return float(off @ self.inverse @ off) + COST * len(place)


def _best(
    families: list[MotionFamily], places: list[np.ndarray], loss: np.ndarray
) -> tuple[list[MotionFamily], list[np.ndarray], np.ndarray]:
    """The best candidates, of each family a few, best first."""
    order = np.argsort(loss, kind="stable")
    order = order[np.isfinite(loss[order])]
    count: dict[MotionFamily, int] = {}
    kept = []
    for one in order:
        count[families[one]] = count.get(families[one], 0) + 1
        if count[families[one]] <= KEPT:
            kept.append(one)
    order = np.array(kept[:MOST], np.int64)
    return [families[one] for one in order], [places[one] for one in order], loss[order]


def _parents(
    families: list[MotionFamily], loss: np.ndarray, n: int, favour: float, rng: np.random.Generator
) -> np.ndarray:
    """Whom to vary: of the better families more, but of each some, as all are still far from their best at first."""
    rank = {family: number for number, family in enumerate(dict.fromkeys(families))}
    best = {family: loss[families.index(family)] for family in rank}
    weight = np.array(
        [
            np.exp(-0.25 * (one - best[family])) / (rank[family] + 1) ** favour
            for family, one in zip(families, loss, strict=True)
        ]
    )
    return rng.choice(len(loss), n, p=weight / weight.sum())


def _varied(place: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    moved = place + spread * rng.standard_normal(len(place))
    # Reflected at the bounds.
    return np.asarray(1 - np.abs(1 - np.abs(moved) % 2))
