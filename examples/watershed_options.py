"""How the options of a bundle's watershed were chosen: AP and PQ of the validation images for each of them.

    python examples/watershed_options.py nuclei_unet dsb2018_nuclei

The network runs once on every validation image; the test images are not looked at.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from medseg.bundle import find_bundle, load_bundle, predict, read_manifest
from medseg.inference.instances import split_instances
from medseg.io import read_image, read_label
from medseg.metrics import score_instances, summarise_instances
from medseg.training.dataset import find_cases
from medseg.training.manifest import select_split

THRESHOLDS, SMOOTHINGS, SIZES = (0.4, 0.5, 0.6), (1.0, 1.5), (10, 20)
HEIGHTS, PEAKS = (0.05, 0.1, 0.15), (0.1, 0.2, 0.3)


def main(name: str, data: Path) -> None:
    folder = find_bundle(name)
    bundle = load_bundle(folder, trusted_by_user=True)
    maps: list[tuple[np.ndarray, np.ndarray]] = []
    for case in select_split(find_cases(data), read_manifest(folder), "validation"):
        probabilities = predict([bundle], read_image(case.image)).probabilities
        maps.append((probabilities, read_label(case.label).data[0]))
    for values in product(THRESHOLDS, SMOOTHINGS, HEIGHTS, PEAKS, SIZES):
        options = dict(zip(("threshold", "smoothing", "peak_height", "least_peak", "min_size"), values, strict=True))
        scores = [score_instances(split_instances(*found, **options), true) for found, true in maps]
        summary = summarise_instances(scores)
        print(f"{options}: AP50 {summary.ap50_mean:.3f}, AP75 {summary.ap_mean['0.75']:.3f}, PQ {summary.pq_mean:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
