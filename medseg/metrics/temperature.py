import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """The temperature T for which ``softmax(logits / T)`` has the least negative log-likelihood.

    Above 1 the network was overconfident. The most probable class stays the same whatever T is. Fit it on cases that
    neither training nor the final evaluation sees.

    Args:
        logits: shape ``(n, C)``, one row a voxel; ``(n, 1)`` is the logit of class 1 against class 0, for a sigmoid.
        labels: the true classes, 0 to C - 1 (0 or 1 for one column), shape ``(n,)``.

    Returns:
        From .05 to 20. Logits that get every voxel right fit the better the lower T is, until the difference is lost in
        rounding: the answer is then some low T, which says only that there was nothing to learn. Logits that tell
        nothing of the classes give a T near 20.

    Raises:
        ValueError: the shapes do not fit each other, there is no voxel, a logit is not finite, or a label is no class.

    Source: Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or logits.size == 0:
        raise ValueError(f"`logits` must be (n, C) and `labels` (n,), n > 0, got {logits.shape} and {labels.shape}")
    if not np.isfinite(logits).all():
        raise ValueError("`logits` must be finite, got NaN or infinity")
    classes = max(logits.shape[1], 2)
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"`labels` must be integers from 0 to {classes - 1}, "
            f"got {labels.dtype} from {labels.min()} to {labels.max()}"
        )
    values = logits.astype(np.float64)
    if logits.shape[1] == 1:
        values = np.concatenate((np.zeros_like(values), values), axis=1)
    values -= values.max(axis=1, keepdims=True)
    of_truth = np.take_along_axis(values, labels[:, np.newaxis].astype(np.intp), axis=1).mean()

    def negative_log_likelihood(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        return float(np.log(np.exp(values * scale).sum(axis=1)).mean() - of_truth * scale)

    # The likelihood is convex in 1 / T, so it has one minimum in log T too.
    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
