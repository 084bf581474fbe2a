"""Spot detection: where the particles of a frame are, with their errors and brightness."""

from tracking.detection.cramer_rao import cramer_rao_bound
from tracking.detection.detector import Detector, prepare_detector
from tracking.detection.options import DetectionOptions
from tracking.detection.table import spot_columns

__all__ = ["DetectionOptions", "Detector", "cramer_rao_bound", "prepare_detector", "spot_columns"]
