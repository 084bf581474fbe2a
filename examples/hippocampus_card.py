"""The figures of a hippocampus bundle's card that `medseg evaluate` does not print.

    python examples/hippocampus_card.py hippocampus_unet Task04_Hippocampus

Prints the Dice of the held-out cases mirrored left to right, which side the decathlon's labels look like, and what the
weights find in a whole head.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from medseg.bundle import LoadedBundle, find_bundle, load_bundle, read_manifest, segment
from medseg.cli.demo import find_template
from medseg.io import Image, crop, paste, read_image, read_label
from medseg.metrics import score_case, summarise
from medseg.training.dataset import Case, find_cases
from medseg.training.manifest import select_split


def mirrored_dice(bundle: LoadedBundle, cases: list[Case]) -> None:
    scores = []
    for case in cases:
        image, label = read_image(case.image), read_label(case.label)
        mirrored = replace(image, data=image.data[:, ::-1].copy())
        scores.append(
            score_case(segment(bundle, mirrored), label.data[0][::-1], image.spacing, bundle.metadata.classes)
        )
    for name, summary in summarise(scores).items():
        print(f"mirrored, {name}: Dice {summary.dice_mean:.3f}, n = {summary.n}")


def side_of_labels(cases: list[Case]) -> None:
    tilts = np.array([tilt(read_label(case.label)) for case in cases])
    right = np.count_nonzero(tilts > 0)
    print(f"anterior part further right than the posterior: {right} of {len(tilts)}, {tilts.mean():.1f} mm in the mean")


def tilt(label: Image) -> float:
    """How far the centre of the anterior part lies to the right of that of the posterior part, in mm."""
    anterior, posterior = (np.argwhere(label.data[0] == value).mean(axis=0) for value in (1, 2))
    return float((label.affine[:3, :3] @ (anterior - posterior))[0])


def whole_head(bundle: LoadedBundle) -> None:
    brain = read_image(find_template())
    inside = np.zeros(brain.spatial_shape, np.uint8)
    for side, x in (("left", -27.0), ("right", 27.0)):
        box = crop(brain, (x, -23.0, -11.0), (38.0, 56.0, 42.0))
        label = segment(bundle, box)
        print(f"MNI152 {side}: tilt {tilt(replace(box, data=label[None])):+.1f} mm")
        inside = paste(inside, label, box, brain)
    found = segment(bundle, brain) > 0
    print(
        f"whole head: {found.sum() / 1000:.0f} ml, of which {(found & (inside > 0)).sum() / 1000:.0f} in the hippocampi"
    )


def main() -> None:
    name, data = sys.argv[1:]
    folder = find_bundle(name)
    bundle, cases = load_bundle(folder), find_cases(Path(data))
    side_of_labels(cases)
    mirrored_dice(bundle, select_split(cases, read_manifest(folder), "test"))
    whole_head(bundle)


if __name__ == "__main__":
    main()
