import numpy as np
import pandas as pd

AXES = ("z", "y", "x")


def spot_columns(ndim: int) -> list[str]:
    """Columns of a table of spots in frames of 2 or 3 axes, in their order."""
    axes = AXES[-ndim:]
    stds = [f"{axis}_std" for axis in axes]
    measures = ["mass", "size", "ecc", "signal", "raw_mass", "ep", "background", "snr"]
    return [*axes, *measures, *stds, *covariance_columns(ndim)]


def covariance_columns(ndim: int) -> list[str]:
    """Columns of the covariances between axes."""
    return ["xy_cov"] if ndim == 2 else ["xy_cov", "xz_cov", "yz_cov"]


def empty_spots(ndim: int) -> pd.DataFrame:
    """A table without spots."""
    return pd.DataFrame({name: np.empty(0) for name in spot_columns(ndim)})
