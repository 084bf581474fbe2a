"""Calibration of the recurrent tracker to a movie: what it is like, movies simulated like it, and fine-tuning."""

from tracking.calibration.calibrate import calibrate
from tracking.calibration.calibration import Calibration
from tracking.calibration.figure import save_calibration_figure
from tracking.calibration.options import CalibrationOptions
from tracking.calibration.sample_spots import sample_spots

__all__ = ["Calibration", "CalibrationOptions", "calibrate", "sample_spots", "save_calibration_figure"]
