from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

# Kernels reach this many standard deviations.
TRUNCATE = 4.0
# Standard deviations of the two Gaussians whose difference is nearest to a Laplacian of Gaussian of scale 1: their
# ratio is Marr and Hildreth's 1.6, and the difference crosses zero where the Laplacian does, at a radius of sqrt(2).
DOG_INNER = 0.805
DOG_OUTER = 1.6 * DOG_INNER


@dataclass(frozen=True)
class SpotFilter:
    """Spot-enhancing filter: bright blobs of about one size become peaks, a constant or sloping ground becomes 0.

    Frames are continued at their borders by mirroring.

    Attributes:
        kind: ``log``, the negative Laplacian of Gaussian, scaled by the squares of its scales; or ``dog``, a
            difference of two Gaussians.
        scales: Scale of the Laplacian of Gaussian along each axis of a frame, in pixels and slices.

    Source: Sage et al. 2005, doi:10.1109/TIP.2005.852787, for the filter; Lindeberg 1998, doi:10.1023/A:1008045108935,
    for its scaling.
    """

    kind: Literal["log", "dog"]
    scales: tuple[float, ...]

    def apply(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Response of a frame, of its shape."""
        if self.kind == "dog":
            inner, outer = self._smooth(values, DOG_INNER), self._smooth(values, DOG_OUTER)
            return np.subtract(inner, outer, out=inner)
        smooth = self._smooth(values, 1.0)
        weights = [np.float32(scale**2) for scale in self.scales]
        response = smooth * np.float32(2 * sum(weights))
        scratch = np.empty_like(smooth)
        for axis, weight in enumerate(weights):
            np.multiply(smooth, weight, out=scratch)
            to, of = np.moveaxis(response, axis, 0), np.moveaxis(scratch, axis, 0)
            to[1:] -= of[:-1]
            to[:-1] -= of[1:]
            to[0] -= of[0]
            to[-1] -= of[-1]
        return response

    def _smooth(self, values: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
        scales = [factor * scale for scale in self.scales]
        smooth: npt.NDArray[np.float32] = gaussian_filter(values, scales, mode="reflect", truncate=TRUNCATE)
        return smooth

    @cached_property
    def factors(self) -> tuple[npt.NDArray[np.float64], ...]:
        """The response to a single pixel of 1, as a sum of products of one function for each axis.

        For each axis an array of shape ``(terms, n)``, the pixel in the middle of n. All that follows from the whole
        response is a sum of products, too, which is far cheaper for the wide filters of a stack.
        """
        radii = [self._reach(axis) for axis in range(len(self.scales))]
        return tuple(
            np.stack([term[:, radius] for term in self._terms(axis, 2 * radius + 1)])
            for axis, radius in enumerate(radii)
        )

    def power_sum(self, power: int) -> float:
        """Sum of the response to a single pixel, to a power: with 2, the variance of that to noise of variance 1."""
        total = np.ones(())
        for factor in self.factors:
            products = factor
            for _ in range(power - 1):
                products = products[..., None, :] * factor
            total = total * products.sum(axis=-1)
        return float(total.sum())

    @cached_property
    def correlations(self) -> tuple[tuple[float, float], ...]:
        """For each axis the correlations between the responses to white noise one and two pixels apart."""

        def covariance(shifted: int, lag: int) -> float:
            total = np.ones(())
            for axis, factor in enumerate(self.factors):
                shift = lag if axis == shifted else 0
                total = total * (factor[:, shift:] @ factor[:, : factor.shape[1] - shift].T)
            return float(total.sum())

        variance = covariance(0, 0)
        axes = range(len(self.scales))
        return tuple((covariance(axis, 1) / variance, covariance(axis, 2) / variance) for axis in axes)

    def peak_response(self, sigma: Sequence[float]) -> float:
        """Response at the centre of a spot of mass 1 that lies on a pixel's centre."""
        total = np.ones(())
        for width, factor in zip(sigma, self.factors, strict=True):
            size = factor.shape[1]
            edges = np.arange(size + 1) - size / 2
            total = total * (factor @ np.diff(ndtr(edges / width)))
        return float(total.sum())

    def border_gain(self, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        """Standard deviation of the response to white noise at each pixel, over that far from the borders.

        Mirroring makes it higher near a border, where a pixel's noise counts twice.
        """
        # The kernel is a sum of products of one function for each axis, so the variance is a sum of products, too.
        terms = [self._terms(axis, size) for axis, size in enumerate(shape)]
        n_terms = len(terms[0])
        variance = np.zeros(tuple(shape))
        for i in range(n_terms):
            for j in range(n_terms):
                product = np.ones(())
                for axis_terms in terms:
                    product = np.multiply.outer(product, (axis_terms[i] * axis_terms[j]).sum(axis=1))
                variance += product
        # A frame too small for any contrast has none of it.
        return np.sqrt(np.maximum(variance / self.power_sum(2), 1e-6)).astype(np.float32)

    def _reach(self, axis: int) -> int:
        """Pixels that the response to a single pixel reaches to each side, and some to spare."""
        return int(np.ceil(TRUNCATE * DOG_OUTER * self.scales[axis])) + 2

    def _terms(self, axis: int, size: int) -> list[npt.NDArray[np.float64]]:
        """Matrices of the filter along one axis: the response is the sum over terms of their product over axes."""
        scale = self.scales[axis]
        reach = self._reach(axis)
        if size > 4 * reach + 1:
            # Beyond the reach of both borders all rows are alike.
            near = self._terms(axis, 4 * reach + 1)
            rows = np.clip(np.arange(size), 0, 2 * reach)
            rows[-2 * reach :] = np.arange(2 * reach + 1, 4 * reach + 1)
            return [term[rows] for term in near]
        identity = np.eye(size)
        if self.kind == "dog":
            inner, outer = (_smooth_columns(identity, factor * scale) for factor in (DOG_INNER, DOG_OUTER))
            return [inner, -outer if axis == 0 else outer]
        smooth = _smooth_columns(identity, scale)
        padded = np.pad(smooth, ((1, 1), (0, 0)), mode="symmetric")
        curved = scale**2 * (2 * smooth - padded[:-2] - padded[2:])
        return [curved if term == axis else smooth for term in range(len(self.scales))]


def _smooth_columns(columns: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.float64]:
    smooth: npt.NDArray[np.float64] = gaussian_filter(columns, (scale, 0), mode="reflect", truncate=TRUNCATE)
    return smooth
