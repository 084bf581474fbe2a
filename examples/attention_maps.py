"""What FocusNet's attention lets through, in the first window of an image.

    python examples/attention_maps.py hippocampus_focusnet demo/left.nii.gz attention.png

Draws the middle of the window as the network sees it and, of each level from fine to coarse, the mean of its gates.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from medseg.bundle import find_bundle, load_bundle, segment
from medseg.io import read_image


def main(name: str, image: Path, output: Path) -> None:
    bundle = load_bundle(find_bundle(name), "cpu")
    windows: list[torch.Tensor] = []
    bundle.network.register_forward_hook(lambda network, inputs, logits: windows.append(inputs[0][:1]))
    segment(bundle, read_image(image))
    with torch.inference_mode():
        levels = bundle.network.attention_maps(windows[0])
    maps = {f"attention, level {number}": gates for number, gates in enumerate(levels, start=1)}
    figure = Figure(figsize=(3 * (1 + len(maps)), 3.6), layout="constrained")
    pictures = {"image": windows[0], **maps}
    for axes, (title, picture) in zip(figure.subplots(1, len(pictures)), pictures.items(), strict=True):
        colours = "gray" if title == "image" else "viridis"
        drawn = axes.imshow(middle(picture[0].mean(0)), cmap=colours, origin="lower")
        figure.colorbar(drawn, ax=axes, shrink=0.8)
        axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(output, dpi=120)


def middle(volume: torch.Tensor) -> np.ndarray:
    """The slice through the middle of the first axis, of a brain the sagittal one, front to the right and top up."""
    return volume[len(volume) // 2].T.numpy()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
