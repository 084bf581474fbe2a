from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from medseg.metrics.validation import Mask


@pytest.fixture(scope="session")
def draw() -> Callable[[str], Mask]:
    """A 2D mask drawn with ``#`` for foreground and ``.`` for background."""

    def parse(drawing: str) -> Mask:
        return np.array([[character == "#" for character in line] for line in drawing.split()])

    return parse


@pytest.fixture(scope="session")
def number() -> Callable[[str], npt.NDArray[np.uint8]]:
    """A 2D label image drawn with the number of each object and ``.`` for background."""

    def parse(drawing: str) -> npt.NDArray[np.uint8]:
        return np.array(
            [[int(character.replace(".", "0")) for character in line] for line in drawing.split()], np.uint8
        )

    return parse


@pytest.fixture(scope="session")
def blob() -> Callable[..., Mask]:
    """A random 3D or 2D mask of smooth blobs; they reach the border now and then."""
    from scipy.ndimage import gaussian_filter

    def make(seed: int, shape: tuple[int, ...] = (14, 18, 16)) -> Mask:
        field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2)
        return field > np.quantile(field, 0.8)

    return make
