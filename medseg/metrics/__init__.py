"""Evaluation measures: pure functions over numpy arrays, 2D and 3D, spacing in mm."""

from medseg.metrics.case import ClassScore, score_case
from medseg.metrics.overlap import VolumeError, dice, volume_error, volume_ml
from medseg.metrics.summary import ClassSummary, summarise
from medseg.metrics.surface import SurfaceDistances, hausdorff, surface_dice, surface_distances

__all__ = [
    "ClassScore",
    "ClassSummary",
    "SurfaceDistances",
    "VolumeError",
    "dice",
    "hausdorff",
    "score_case",
    "summarise",
    "surface_dice",
    "surface_distances",
    "volume_error",
    "volume_ml",
]
