from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medseg.metrics.instance import average_precision
from medseg.metrics.instance_score import IOU_THRESHOLDS, InstanceScore
from medseg.metrics.mean import defined, mean, mean_ci95


@dataclass(frozen=True)
class InstanceSummary:
    """Objects over many images.

    A ``mean`` is over images, each counting the same, as in the Data Science Bowl 2018 and in stardist's
    ``matching_dataset`` with ``by_image=True`` (which counts an image without objects as 0; here it is left out).
    ``pooled`` adds up the objects of all images first, so that crowded images count for more, as ``matching_dataset``
    does by default. The two can differ much: name the one that is reported. A mean over no image is None.

    Attributes:
        n: images with an object in the prediction or the reference, over which the means are.
        n_undefined: images with an object in neither.
        n_reference: objects of the references.
        n_predicted: objects of the predictions.
        ap50_mean: mean of TP / (TP + FP + FN) at an IoU of .5.
        ap50_ci95: 95 percent bootstrap percentile interval of ``ap50_mean``, patients, or whom else the images
            are of, drawn with replacement and a fixed seed; None for fewer than two of them.
        ap50_pooled: TP / (TP + FP + FN) at an IoU of .5 of all objects together.
        ap_mean: as ``ap50_mean``, by IoU threshold, "0.50", "0.55" to "0.90".
        ap_pooled: as ``ap50_pooled``, by IoU threshold.
        pq_mean: mean panoptic quality.
        pq_ci95: its interval, as of ``ap50_mean``.
        rq_mean: mean recognition quality.
        sq_mean: mean segmentation quality, over the images where an object is matched.
        sq_undefined: images left out of ``sq_mean``: those without a match, and the ``n_undefined``.
    """

    n: int
    n_undefined: int
    n_reference: int
    n_predicted: int
    ap50_mean: float | None
    ap50_ci95: tuple[float, float] | None
    ap50_pooled: float | None
    ap_mean: dict[str, float | None]
    ap_pooled: dict[str, float | None]
    pq_mean: float | None
    pq_ci95: tuple[float, float] | None
    rq_mean: float | None
    sq_mean: float | None
    sq_undefined: int

    def to_dict(self) -> dict[str, Any]:
        """All attributes by name, ready for JSON; undefined values are None."""
        return asdict(self)


def summarise_instances(scores: Sequence[InstanceScore], patients: Sequence[Hashable] | None = None) -> InstanceSummary:
    """Summarise the scores of many images.

    Args:
        scores: what ``score_instances`` returned for each image.
        patients: whom each image is of; without it every image is of a patient of its own.

    Raises:
        ValueError: there is no image, or ``patients`` has not one entry an image.
    """
    if not scores:
        raise ValueError("`scores` must hold at least one image, got none")
    ap50s = defined(score.ap50 for score in scores)
    pqs, sqs = defined(score.pq for score in scores), defined(score.sq for score in scores)
    n_predicted, n_reference = sum(score.n_predicted for score in scores), sum(score.n_reference for score in scores)
    ap_pooled = {
        name: average_precision(sum(score.true_positives[name] for score in scores), n_predicted, n_reference)
        for name in IOU_THRESHOLDS
    }
    return InstanceSummary(
        n=len(ap50s),
        n_undefined=len(scores) - len(ap50s),
        n_reference=n_reference,
        n_predicted=n_predicted,
        ap50_mean=mean(ap50s),
        ap50_ci95=mean_ci95([score.ap50 for score in scores], patients),
        ap50_pooled=ap_pooled["0.50"],
        ap_mean={name: mean(defined(score.ap[name] for score in scores)) for name in IOU_THRESHOLDS},
        ap_pooled=ap_pooled,
        pq_mean=mean(pqs),
        pq_ci95=mean_ci95([score.pq for score in scores], patients),
        rq_mean=mean(defined(score.rq for score in scores)),
        sq_mean=mean(sqs),
        sq_undefined=len(scores) - len(sqs),
    )
