from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion, distance_transform_edt, find_objects

from medseg.metrics.validation import Mask, require_masks, require_spacing

# Headers keep spacing in single precision: 0.3 mm arrives as 0.30000001, and three voxels of 0.1 as a little over 0.3.
# A distance of exactly the tolerance has to count all the same.
TOLERANCE_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between two surfaces, one per surface voxel and in the unit of the spacing.

    Attributes:
        prediction_to_reference: from each voxel of the predicted surface to the nearest of the reference's, shape
            ``(n,)``; infinite where the reference has no surface.
        reference_to_prediction: the other way, shape ``(m,)``; infinite where the prediction has no surface.
    """

    prediction_to_reference: npt.NDArray[np.float64]
    reference_to_prediction: npt.NDArray[np.float64]

    @property
    def is_defined(self) -> bool:
        """Whether both masks have a surface, so that a distance between them exists."""
        return self.prediction_to_reference.size > 0 and self.reference_to_prediction.size > 0


def surface_distances(prediction: Mask, reference: Mask, spacing: Sequence[float]) -> SurfaceDistances:
    """Distances between the surfaces of two masks, both ways.

    The surface is every foreground voxel with a background voxel across one of its faces, where everything outside
    the array is background: a structure that the image cuts off has a surface along the cut. Distances are Euclidean,
    from voxel centre to voxel centre. These are the surfaces and distances of MONAI 1.6.1 without ``use_subvoxels``.

    Args:
        prediction: boolean mask, shape ``(D, H, W)`` or ``(H, W)``.
        reference: boolean mask of the same shape.
        spacing: edge lengths of a voxel in mm, in the order of the array's axes.

    Raises:
        ValueError: a mask is not boolean, the shapes differ, or ``spacing`` does not have one positive value per axis.
    """
    require_masks(prediction, reference)
    spacing = require_spacing(spacing, prediction.ndim)
    for box in find_objects((prediction | reference).view(np.uint8)):
        # Both surfaces lie in the joint bounding box, and the distance transform costs its volume.
        prediction, reference = prediction[box], reference[box]
    predicted_surface, reference_surface = _surface(prediction), _surface(reference)
    return SurfaceDistances(
        prediction_to_reference=_distances(predicted_surface, reference_surface, spacing),
        reference_to_prediction=_distances(reference_surface, predicted_surface, spacing),
    )


def hausdorff(distances: SurfaceDistances, percentile: float = 95.0) -> float | None:
    """Hausdorff distance, or a percentile of it such as HD95, in the unit of the spacing.

    The larger of the two directed percentiles, as MONAI defines it. Tools that pool both directions before taking the
    percentile (MedPy's ``hd95``) report smaller or equal values.

    Args:
        distances: of the two surfaces.
        percentile: above 0, at most 100; 100 gives the Hausdorff distance itself.

    Returns:
        None where a mask is empty.

    Raises:
        ValueError: ``percentile`` is out of range.

    Source: Huttenlocher et al. 1993, doi:10.1109/34.232073, for the distance and its ranked form.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"`percentile` must be above 0 and at most 100, got {percentile}")
    if not distances.is_defined:
        return None
    directed = (distances.prediction_to_reference, distances.reference_to_prediction)
    return max(float(np.percentile(values, percentile)) for values in directed)


def surface_dice(distances: SurfaceDistances, tolerance_mm: float) -> float | None:
    """Normalised surface Dice (NSD): the share of both surfaces that lies within a tolerance of the other one.

    Each surface voxel counts once, as in MONAI 1.6.1 without ``use_subvoxels``. Nikolov et al. weigh each surface
    element by its area instead, so values of their code differ a little.

    Args:
        distances: of the two surfaces.
        tolerance_mm: the largest distance still acceptable, in the unit of the spacing; a distance equal to it counts.

    Returns:
        From 0 to 1; 0.0 where exactly one mask is empty, None where both are.

    Raises:
        ValueError: ``tolerance_mm`` is negative or not finite.

    Source: Nikolov et al. 2021, arXiv:1809.04430.
    """
    if not (np.isfinite(tolerance_mm) and tolerance_mm >= 0):
        raise ValueError(f"`tolerance_mm` must be finite and at least 0, got {tolerance_mm}")
    both = np.concatenate((distances.prediction_to_reference, distances.reference_to_prediction))
    if both.size == 0:
        return None
    return float(np.mean(both <= tolerance_mm * (1 + TOLERANCE_ROUNDING)))


def _surface(mask: Mask) -> Mask:
    """Foreground voxels that an erosion by face neighbours removes."""
    surface: Mask = mask & ~binary_erosion(mask, border_value=0)
    return surface


def _distances(surface: Mask, target: Mask, spacing: Sequence[float]) -> npt.NDArray[np.float64]:
    """Distance from each voxel of ``surface`` to the nearest of ``target``, in the order of the array."""
    if not target.any():
        return np.full(np.count_nonzero(surface), np.inf)
    distances: npt.NDArray[np.float64] = distance_transform_edt(~target, sampling=spacing)[surface]
    return distances
