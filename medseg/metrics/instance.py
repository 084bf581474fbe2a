from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from medseg.metrics.validation import require_label_images

LabelImage = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class InstanceOverlaps:
    """How the objects of a prediction and of a reference overlap.

    Attributes:
        iou: intersection over union, a sparse matrix with a row for each predicted object and a column for each of the
            reference, both in ascending order of their labels; entries only where two objects share a voxel.
    """

    iou: csr_array


def match_instances(prediction: LabelImage, reference: LabelImage) -> InstanceOverlaps:
    """Intersection over union of every predicted object with every object of the reference.

    Args:
        prediction: label image, shape ``(D, H, W)`` or ``(H, W)``: 0 is background, and all voxels of one other value
            are one object, whether connected or not. The values need not be consecutive.
        reference: label image of the same shape.

    Raises:
        ValueError: a label image does not hold integers, holds a negative one or is not 2D or 3D, or the shapes differ.
    """
    require_label_images(prediction, reference)
    pairs, sizes = _joint_histogram(prediction, reference)
    (predicted, row), (expected, column) = (np.unique(labels, return_inverse=True) for labels in pairs)
    area, reference_area = np.bincount(row, weights=sizes), np.bincount(column, weights=sizes)
    both = (pairs[0] > 0) & (pairs[1] > 0)
    row, column, shared = row[both], column[both], sizes[both]
    iou = shared / (area[row] + reference_area[column] - shared)
    matrix = csr_array((iou, (row, column)), shape=(len(predicted), len(expected)))
    return InstanceOverlaps(iou=matrix[predicted > 0][:, expected > 0])


def count_matches(overlaps: InstanceOverlaps, threshold: float) -> int:
    """Predicted objects that have a counterpart in the reference, by the largest one-to-one matching.

    Two objects can be matched where their IoU reaches the threshold. Above .5 each has one candidate at most; from .5
    down an object can have several, and matching them one by one in some order could lose some.

    Args:
        overlaps: of the two label images.
        threshold: of the IoU, above 0 and at most 1; an IoU equal to it counts, as in the stardist package.

    Raises:
        ValueError: ``threshold`` is out of range.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` must be above 0 and at most 1, got {threshold}")
    return int(np.count_nonzero(maximum_bipartite_matching(overlaps.iou >= threshold) >= 0))


def average_precision(true_positives: int, n_predicted: int, n_reference: int) -> float | None:
    """TP / (TP + FP + FN) of objects, from 0 to 1.

    This is what the nuclei of the Data Science Bowl 2018 and StarDist are measured by. It is **not** the average
    precision of COCO and other detection benchmarks, which is an area under a precision-recall curve and needs a
    confidence for every object.

    Args:
        true_positives: matched objects, of one image or of many together.
        n_predicted: objects of the prediction; those not matched are the false positives.
        n_reference: objects of the reference; those not matched are the false negatives.

    Returns:
        None where neither has an object; 0.0 where exactly one has.

    Source: Schmidt et al. 2018, doi:10.1007/978-3-030-00934-2_30.
    """
    objects = n_predicted + n_reference - true_positives
    return true_positives / objects if objects else None


@dataclass(frozen=True)
class PanopticQuality:
    """Quality of objects matched at an IoU above .5, whose matching is unique.

    Attributes:
        pq: panoptic quality, the sum of the matches' IoU over TP + FP / 2 + FN / 2; ``sq`` times ``rq``.
        sq: segmentation quality, the mean IoU of the matches; None where nothing matches.
        rq: recognition quality, TP / (TP + FP / 2 + FN / 2), the F1 score of objects.
    """

    pq: float
    sq: float | None
    rq: float


def panoptic_quality(overlaps: InstanceOverlaps) -> PanopticQuality | None:
    """Panoptic quality of one class of objects in one image.

    Returns:
        None where neither image has an object; 0.0 of PQ and RQ where exactly one has.

    Source: Kirillov et al. 2019, arXiv:1801.00868, section 4. They pool a class over all images of a set.
    """
    objects = sum(overlaps.iou.shape)
    if objects == 0:
        return None
    matched = overlaps.iou.data[overlaps.iou.data > 0.5]
    return PanopticQuality(
        pq=float(2 * matched.sum() / objects),
        sq=float(matched.mean()) if matched.size else None,
        rq=2 * matched.size / objects,
    )


def _joint_histogram(
    prediction: LabelImage, reference: LabelImage
) -> tuple[tuple[LabelImage, LabelImage], npt.NDArray[np.int64]]:
    """The pairs of labels that share voxels outside the common background, and how many voxels each shares."""
    foreground = (prediction > 0) | (reference > 0)
    predicted, expected = prediction[foreground].astype(np.uint64), reference[foreground].astype(np.uint64)
    base = int(expected.max(initial=0)) + 1
    if (int(predicted.max(initial=0)) + 1) * base <= np.iinfo(np.uint64).max:
        # One number a pair: many times as fast to sort as two.
        keys, sizes = np.unique(predicted * np.uint64(base) + expected, return_counts=True)
        return (keys // np.uint64(base), keys % np.uint64(base)), sizes
    pairs, sizes = np.unique(np.stack((predicted, expected), axis=1), axis=0, return_counts=True)
    return (pairs[:, 0], pairs[:, 1]), sizes
