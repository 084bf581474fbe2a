from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tracking.errors import TrackingError


class LoadSpots:
    """MONAI transform: the spots of a movie from a CSV with the columns frame, x, y and, in 3D, z."""

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Read the file that ``spots`` names.

        Returns:
            ``spots`` as `LinkInferer` takes them, ``name``, the file's name without its suffix, and ``path``.

        Raises:
            TrackingError: The file is no such table, or holds no spot.
        """
        path = Path(data["spots"])
        try:
            header, *lines = path.read_text(encoding="utf-8-sig").splitlines() or [""]
        except UnicodeError as error:
            raise TrackingError(f"`{path}` is not a CSV table") from error
        names = [name.strip() for name in header.split(",")]
        columns = [name for name in ("frame", "x", "y", "z") if name in names]
        lines = [line for line in lines if line.strip()]
        if columns[:3] != ["frame", "x", "y"] or not lines:
            raise TrackingError(f"`{path}` needs the columns frame, x and y, z in three dimensions, and a row a spot")
        try:
            spots = np.loadtxt(
                lines, delimiter=",", usecols=[names.index(name) for name in columns], ndmin=2, comments=None
            )
        except ValueError as error:
            raise TrackingError(f"`{path}` needs a number in every cell of {', '.join(columns)}") from error
        if not np.isfinite(spots).all():
            raise TrackingError(f"`{path}` needs a finite number in every cell of {', '.join(columns)}")
        spots = spots[np.argsort(spots[:, 0], kind="stable")]
        return {"spots": torch.from_numpy(spots), "name": path.stem, "path": str(path)}
