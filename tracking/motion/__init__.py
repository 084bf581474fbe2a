"""How particles move: mean squared displacement, diffusion, drift and kinds of motion, in physical units."""

from tracking.motion.analyse import analyse_motion
from tracking.motion.bootstrap import Estimate
from tracking.motion.classification import classify_motion
from tracking.motion.diffusion import Diffusion, diffusion
from tracking.motion.drift import estimate_drift, remove_drift
from tracking.motion.figure import save_motion_figure
from tracking.motion.localisation import LocalisationError, localisation_error
from tracking.motion.msd import ensemble_msd, time_averaged_msd
from tracking.motion.report import MotionReport

__all__ = [
    "Diffusion",
    "Estimate",
    "LocalisationError",
    "MotionReport",
    "analyse_motion",
    "classify_motion",
    "diffusion",
    "ensemble_msd",
    "estimate_drift",
    "localisation_error",
    "remove_drift",
    "save_motion_figure",
    "time_averaged_msd",
]
