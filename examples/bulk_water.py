"""Diffusion of spheres in water from medseg's own tracks, of all particles and of those in focus.

    medseg track bulk_water --channel green --dark --pixel-size 0.350877 --frame-interval 0.0416667 -o tracks
    python examples/bulk_water.py tracks/tracks.csv

bulk_water is a folder of trackpy-examples (soft-matter): 1 µm spheres, of which physics expects 0.43 µm²/s.
"""

import sys
from pathlib import Path

import pandas as pd

from tracking.io import read_tracks
from tracking.motion import analyse_motion
from tracking.tracks import Tracks

SIZES = {"pixel_size": 0.350877, "frame_interval": 0.0416667}


def main(path: Path) -> None:
    tracks = read_tracks(path)
    detected = tracks.spots[~tracks.spots["virtual"]]
    particles = detected.groupby("particle").agg(size=("size", "mean"), frames=("frame", "size"))
    is_long = particles["frames"] >= 25
    # Out of focus a sphere is a ring, and larger.
    is_small = particles["size"] < particles["size"].median()
    report("all", tracks, particles.index)
    report("in 25 frames or more", tracks, particles.index[is_long])
    report("and smaller than the median", tracks, particles.index[is_long & is_small])


def report(name: str, tracks: Tracks, particles: pd.Index) -> None:
    chosen = tracks.with_spots(tracks.spots[tracks.spots["particle"].isin(particles)])
    found = analyse_motion(chosen, **SIZES).diffusion
    d, alpha = found.coefficient_um2_s, found.exponent
    print(
        f"{name}: {len(particles)} tracks, D = {d.value:.3f} ({d.low:.3f} to {d.high:.3f}) µm²/s, "
        f"exponent {alpha.value:.2f}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
