import numpy as np

from tracking.calibration.steps import Steps

# Lags at which steps are compared, quantiles of their lengths, and bounds of the cosines between successive ones.
LAGS = (1, 2, 3, 5, 8)
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
COSINES = (-0.5, 0.0, 0.5, 0.85)
# Steps of a window, and bounds of its straightness: the distance from end to end over the length of the way.
WINDOW = 4
STRAIGHT = (0.3, 0.6, 0.85, 0.95)
N_FEATURES = 3 + len(LAGS) + len(QUANTILES) + len(COSINES) + len(STRAIGHT) + 5
# Groups of runs that are left out in turn, and how much of the covariance between features is believed.
GROUPS = 30
BELIEVED = 0.7
# No feature is taken to be known better than this.
FLOOR = 0.01


def motion_features(steps: Steps, unit: float) -> np.ndarray:
    """What tells one kind of motion from another: how long steps are, how they turn, and how long they remember.

    The first is the logarithm of the root mean square step over ``unit``; the others do not depend on the scale. What
    there are too few steps for is NaN.

    Args:
        steps: Of any number of tracks.
        unit: In pixels.

    Returns:
        Shape ``(N_FEATURES,)``.
    """
    moved = steps.displacement
    square = (moved**2).sum(axis=1)
    mean_square = float(square.mean()) if len(square) else np.nan
    if not mean_square > 0:
        return np.full(N_FEATURES, np.nan)
    length = np.sqrt(square)
    log_length = np.log(np.maximum(length / np.sqrt(mean_square), 0.02))
    drift = float((moved.mean(axis=0) ** 2).sum()) / mean_square
    found = [0.5 * np.log(mean_square / unit**2), np.sqrt(drift), _agreement(log_length, steps, 1)]
    for lag in LAGS:
        row = steps.pairs(lag)
        found.append((moved[row] * moved[row + lag]).sum(axis=1).mean() / mean_square if len(row) else np.nan)
    found += np.quantile(log_length, QUANTILES).tolist()
    row = steps.pairs(1)
    cosine = (moved[row] * moved[row + 1]).sum(axis=1) / np.maximum(length[row] * length[row + 1], 1e-12)
    found += _shares(cosine, COSINES)
    row = steps.pairs(WINDOW - 1)
    along = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum(moved, axis=0)])
    way = np.concatenate([[0.0], np.cumsum(length)])
    path = way[row + WINDOW] - way[row]
    straightness = np.linalg.norm(along[row + WINDOW] - along[row], axis=1) / np.maximum(path, 1e-12)
    found += _shares(straightness, STRAIGHT)
    found += _of_windows(straightness, np.log(np.maximum(path, 1e-12)), Steps(moved[row], steps.run[row]))
    return np.array(found, np.float64)


def _of_windows(straightness: np.ndarray, log_path: np.ndarray, windows: Steps) -> list[float]:
    """Spread of the straightness, whether straight windows are fast, and for how long windows stay as they are."""
    if len(windows) < 2:
        return [np.nan] * 5
    centred = straightness - straightness.mean()
    both = float((centred * (log_path - log_path.mean())).mean())
    return [
        float(straightness.std()),
        both,
        _agreement(log_path, windows, WINDOW),
        *(_agreement(straightness, windows, apart) for apart in (WINDOW, 2 * WINDOW)),
    ]


def _agreement(values: np.ndarray, steps: Steps, apart: int) -> float:
    """Correlation of values ``apart`` frames apart."""
    row = steps.pairs(apart)
    if len(row) < 10:
        return np.nan
    centred = values - values.mean()
    return float((centred[row] * centred[row + apart]).mean() / max((centred**2).mean(), 1e-12))


def _shares(values: np.ndarray, bounds: tuple[float, ...]) -> list[float]:
    """Share of the values below each of the bounds."""
    if not len(values):
        return [np.nan] * len(bounds)
    return [float((values < bound).mean()) for bound in bounds]


def features_and_covariance(steps: Steps, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Features, and how uncertain they are for the number of runs there are: a jackknife over groups of runs.

    Features that cannot be told have NaN, and rows and columns of 0 in the covariance.

    Returns:
        Shapes ``(N_FEATURES,)`` and ``(N_FEATURES, N_FEATURES)``.
    """
    found = motion_features(steps, unit)
    runs, group = np.unique(steps.run, return_inverse=True)
    n_groups = min(GROUPS, len(runs))
    if n_groups < 3:
        return np.full(N_FEATURES, np.nan), np.zeros((N_FEATURES, N_FEATURES))
    left_out = np.stack([motion_features(steps.select(group % n_groups != one), unit) for one in range(n_groups)])
    is_known = np.isfinite(found) & np.isfinite(left_out).all(axis=0)
    centred = np.where(is_known, left_out - left_out.mean(axis=0), 0.0)
    covariance = centred.T @ centred * (n_groups - 1) / n_groups
    diagonal = np.diag(np.diag(covariance))
    covariance = BELIEVED * covariance + (1 - BELIEVED) * diagonal + np.diag(np.where(is_known, FLOOR**2, 0.0))
    return np.where(is_known, found, np.nan), covariance
