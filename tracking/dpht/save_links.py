from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tracking.atomic import atomic_path
from tracking.errors import TrackingError
from tracking.graph import particles_from_edges


class SaveLinks:
    """MONAI transform: writes what `LinkInferer` found as a CSV table of tracks, one row a spot.

    Its columns are frame, particle, x, y, z if there is one, link_probability, existence and real.

    Args:
        output_dir: Folder of the tables, each named as that of its spots.
    """

    def __init__(self, output_dir: str) -> None:
        self.output_dir = Path(output_dir)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Write ``spots`` and their links ``pred`` to the file ``name``; the data are handed on as they are.

        Raises:
            TrackingError: That would be the file the spots came from, its ``path``.
        """
        spots, links = data["spots"].numpy(), data["pred"].numpy()
        later = np.flatnonzero(links[:, 0] >= 0)
        edges = np.stack([links[later, 0].astype(np.int64), later], axis=1)
        particle, _ = particles_from_edges(len(spots), edges)
        names = ["frame", "particle", *"xyz"[: spots.shape[1] - 1], "link_probability", "existence", "real"]
        rows = np.column_stack([spots[:, 0], particle, spots[:, 1:], links[:, 1:]])
        target = self.output_dir / f"{data['name']}.csv"
        if "path" in data and target.resolve() == Path(data["path"]).resolve():
            raise TrackingError(f"the tracks would take the place of the spots in `{target}`: give another output_dir")
        self.output_dir.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as partial:
            np.savetxt(
                partial,
                rows,
                fmt=["%d", "%d", *["%.17g"] * (spots.shape[1] - 1), *["%.6f"] * 3],
                delimiter=",",
                header=",".join(names),
                comments="",
            )
        return dict(data)
