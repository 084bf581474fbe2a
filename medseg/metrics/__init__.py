"""Evaluation measures: pure functions over numpy arrays, 2D and 3D, spacing in mm."""

from medseg.metrics.calibration import CalibrationScore, Reliability, reliability, score_calibration
from medseg.metrics.case import ClassScore, score_case
from medseg.metrics.instance import (
    InstanceOverlaps,
    PanopticQuality,
    average_precision,
    count_matches,
    match_instances,
    panoptic_quality,
)
from medseg.metrics.instance_score import IOU_THRESHOLDS, InstanceScore, score_instances
from medseg.metrics.instance_summary import InstanceSummary, summarise_instances
from medseg.metrics.overlap import VolumeError, dice, volume_error, volume_ml
from medseg.metrics.paired import PairedDifference, paired_difference
from medseg.metrics.summary import ClassSummary, summarise
from medseg.metrics.surface import SurfaceDistances, hausdorff, surface_dice, surface_distances
from medseg.metrics.temperature import fit_temperature

__all__ = [
    "IOU_THRESHOLDS",
    "CalibrationScore",
    "ClassScore",
    "ClassSummary",
    "InstanceOverlaps",
    "InstanceScore",
    "InstanceSummary",
    "PairedDifference",
    "PanopticQuality",
    "Reliability",
    "SurfaceDistances",
    "VolumeError",
    "average_precision",
    "count_matches",
    "dice",
    "fit_temperature",
    "hausdorff",
    "match_instances",
    "paired_difference",
    "panoptic_quality",
    "reliability",
    "score_calibration",
    "score_case",
    "score_instances",
    "summarise",
    "summarise_instances",
    "surface_dice",
    "surface_distances",
    "volume_error",
    "volume_ml",
]
