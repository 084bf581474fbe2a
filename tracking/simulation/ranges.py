from typing import Annotated

import numpy as np
from pydantic import BeforeValidator


def _as_range(value: object) -> tuple[float, float]:
    try:
        low, high = value if isinstance(value, tuple | list) else (value, value)
        low, high = float(low), float(high)
    except (TypeError, ValueError) as error:
        raise ValueError("must be a number, or two numbers of which the first is the lower") from error
    if not 0 <= low <= high < np.inf:
        raise ValueError("must be a number from 0, or two such numbers of which the first is the lower")
    return low, high


# Bounds between which every particle draws its own value, evenly; a single number stands for a value all share.
Range = Annotated[tuple[float, float], BeforeValidator(_as_range)]


def draw(bounds: tuple[float, float], n: int, rng: np.random.Generator) -> np.ndarray:
    """One value for each of ``n`` particles, shape ``(n,)``, drawn evenly between the two ``bounds``."""
    return rng.uniform(*bounds, size=n)
