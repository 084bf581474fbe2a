from dataclasses import dataclass

from medseg.metrics.instance import LabelImage, average_precision, count_matches, match_instances, panoptic_quality

# By the text that stands for them in records. Written out, so that an IoU of exactly 3/5 reaches .6.
IOU_THRESHOLDS = {f"{percent / 100:.2f}": percent / 100 for percent in range(50, 95, 5)}


@dataclass(frozen=True)
class InstanceScore:
    """The objects of one image; None where neither the prediction nor the reference has one.

    Attributes:
        n_reference: objects of the reference.
        n_predicted: objects of the prediction.
        true_positives: predicted objects with a counterpart, by IoU threshold, "0.50", "0.55" to "0.90".
        ap: TP / (TP + FP + FN) by IoU threshold; see ``average_precision`` for what it is not.
        pq: panoptic quality.
        sq: segmentation quality; None too where nothing matches.
        rq: recognition quality.
    """

    n_reference: int
    n_predicted: int
    true_positives: dict[str, int]
    ap: dict[str, float | None]
    pq: float | None
    sq: float | None
    rq: float | None

    @property
    def ap50(self) -> float | None:
        """``ap`` at an IoU of .5."""
        return self.ap["0.50"]


def score_instances(prediction: LabelImage, reference: LabelImage) -> InstanceScore:
    """Score the objects of a predicted label image against its reference.

    Args:
        prediction: label image, shape ``(D, H, W)`` or ``(H, W)``: 0 is background, every other value one object.
        reference: label image of the same shape.

    Raises:
        ValueError: a label image does not hold integers, holds a negative one or is not 2D or 3D, or the shapes differ.
    """
    overlaps = match_instances(prediction, reference)
    n_predicted, n_reference = overlaps.iou.shape
    matched = {name: count_matches(overlaps, threshold) for name, threshold in IOU_THRESHOLDS.items()}
    quality = panoptic_quality(overlaps)
    return InstanceScore(
        n_reference=n_reference,
        n_predicted=n_predicted,
        true_positives=matched,
        ap={name: average_precision(count, n_predicted, n_reference) for name, count in matched.items()},
        pq=quality.pq if quality else None,
        sq=quality.sq if quality else None,
        rq=quality.rq if quality else None,
    )
